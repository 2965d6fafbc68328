"""The doctor: looks over any type-2 table for what makes a history wrong, and mends our own."""

"""What became of every landed record, recounted from the tables alone, without Spark."""

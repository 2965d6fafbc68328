"""Rules by kind, their verdicts over whole tables, and the suite and pages made of them."""

"""From a landing folder to bronze: sources and their mappings, the file ledger, reading files."""

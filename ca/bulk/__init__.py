"""Many certificates from one table: judged row by row, agreed to as one proposal, issued in chunks."""

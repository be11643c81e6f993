"""Second factors for those without a smartphone: codes that are sent, printed cards."""

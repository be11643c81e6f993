"""Applications that register themselves and look after their registration (RFC 7591, RFC 7592)."""

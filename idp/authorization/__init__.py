"""From an authorization request to a code."""

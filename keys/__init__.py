"""Custody: the only code that touches a private key."""

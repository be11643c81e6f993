"""Automatic issuance (certificate authority, line 24)."""

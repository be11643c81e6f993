"""Signing keys, codes, access, refresh and ID tokens."""

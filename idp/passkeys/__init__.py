"""Passkeys (Web Authentication Level 3): a way in by itself, and a second step after the password."""

"""Relying applications and how they authenticate."""

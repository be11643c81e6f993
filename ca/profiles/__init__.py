"""Profiles: data that decide every field of a certificate."""

"""Certificates that are about to end: told in time, unless a newer one is there."""

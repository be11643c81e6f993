"""Adapters from Authlib's classes to our use cases; the only room that knows Authlib."""

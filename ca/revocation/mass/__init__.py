"""Revoking many certificates for one cause: chosen, looked at, decided, done in batches."""

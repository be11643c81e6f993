"""The public log of certificates: each is in it before it is handed over, and no person can be read from it."""

"""Revocation and how it is told: CRL and OCSP."""

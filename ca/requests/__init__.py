"""Requests for certificates: from a CSR to the decision of two people."""

"""Provisioning: an institution's personnel system says who works there (SCIM 2.0, RFC 7643, RFC 7644)."""

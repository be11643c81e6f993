"""Logins on another device than the one that needs them: device authorization (RFC 8628) and CIBA."""

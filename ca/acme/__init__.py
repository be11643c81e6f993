"""Automatic issuance for servers (RFC 8555): an institution's machines prove control of names and get certificates."""

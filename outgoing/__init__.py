"""Requests that the service makes of others' servers: one guarded client, and no other code opens such a connection."""

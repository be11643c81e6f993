"""The root: the only room that reaches its key."""

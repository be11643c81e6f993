"""The root: the only room that reaches its key. Imported by the command line alone."""

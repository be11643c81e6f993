"""The public register: which certificates institutions hold, open to everyone; never those of persons."""

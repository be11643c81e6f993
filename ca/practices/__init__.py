"""The certification practice statement: what the program does by itself, and what who runs it declares (RFC 3647)."""

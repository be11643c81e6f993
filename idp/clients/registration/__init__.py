"""What an application registers: each member read, made valid, and kept by its name."""

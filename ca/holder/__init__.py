"""A person's own certificates: seen, asked for and ended by that person. What our people decide stays theirs."""

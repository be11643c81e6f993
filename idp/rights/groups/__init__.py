"""What the groups of an institution's directory or provider are worth here, and who has it through them."""

"""Pages about the level of identity: the person's own, the check against the civil registry, what a service asks."""

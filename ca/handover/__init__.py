"""Keys that are made here for people, and handed over once (docs/decisions: the hand-over of keys)."""

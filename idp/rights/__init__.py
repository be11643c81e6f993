"""Central authorization: which roles applications have, and to whom institutions give them."""

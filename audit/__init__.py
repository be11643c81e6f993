"""The evidence: what happened, in an order that nobody can change unseen."""

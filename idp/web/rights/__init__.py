"""HTTP of rights: the decision API, and what a person sees of his own."""

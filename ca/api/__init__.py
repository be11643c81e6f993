"""The authority's API for systems of institutions."""

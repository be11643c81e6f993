"""HTTP of the provider and of people's pages."""

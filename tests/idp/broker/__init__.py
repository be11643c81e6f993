"""Other providers."""

"""Proving who someone is: factors, interactions, browser sessions."""

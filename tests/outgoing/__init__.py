"""Tests of the client for others' servers."""

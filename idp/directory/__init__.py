"""Institutions and the directories of their people."""

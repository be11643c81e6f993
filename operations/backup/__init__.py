"""Backups while serving, and restoring them: database, keys, heads of the logs and settings in one sealed file."""

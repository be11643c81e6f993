"""Rights in applications."""

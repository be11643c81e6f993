"""Tools for those who develop relying applications: looking into tokens, trying out, breaking on purpose."""

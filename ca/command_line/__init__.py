"""The commands of ``sau ca``, a module for each kind."""

"""The commands of ``sau client``, a module for each kind."""

"""Side by side with a peer, in one run, on one database server: ``python -m bench``."""

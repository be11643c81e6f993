"""The end of a browser session, told to every application that took part in it."""

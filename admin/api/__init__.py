"""The console's API: what a page does, for programs, by an access token. Each operation is declared as data."""

"""Real servers for the tests: each starts on a free port, keeps its log, and is stopped by its process id."""

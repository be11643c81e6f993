"""Running the service: install, migrate, serve, watch, check. The top floor; everything else is below."""

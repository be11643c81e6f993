"""Rules of OAuth and OpenID Connect: pure, one a module."""

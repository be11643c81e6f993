"""The OpenID Provider: people log in once and every portal accepts it."""

"""Sign-in through another OpenID Provider: an institution's own, in which this service is a relying party."""

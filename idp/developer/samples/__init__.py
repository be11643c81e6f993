"""Sample code for relying applications, filled in with an application's own values. A secret is never among them."""

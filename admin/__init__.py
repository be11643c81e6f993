"""The console and its REST API: permissions, dual control, screens. No rule of idp or ca lives here."""

"""From an approved request to a certificate: to-be-signed bytes, lint, signature, row."""

"""HTTP of the certificate authority."""

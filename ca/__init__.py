"""The certificate authority: root, issuing authorities, certificates and their status."""

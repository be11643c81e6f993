"""What a certificate must satisfy before it is signed."""

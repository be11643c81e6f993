"""Security events: what applications are told about the people who use them, signed, from server to server."""

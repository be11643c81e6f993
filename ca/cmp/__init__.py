"""Certificate Management Protocol over HTTP (RFC 4210, RFC 9480, RFC 9810, RFC 9811)."""

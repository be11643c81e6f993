"""Time-stamps (RFC 3161): a signed word on when a digest was seen."""

"""Keys of the service itself that sign what is neither a certificate nor a status: time-stamps, CMP messages."""

"""A witness: run elsewhere by others, it co-signs a log only as long as the log grows (C2SP tlog-witness)."""

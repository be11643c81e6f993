"""What the provider sends to applications' servers: queued with its cause, sent by the worker."""

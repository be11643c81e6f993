"""Papers of ceremonies: minutes, file and who was present, kept with their digests and checked again."""

"""The ground of every room: clock, identifiers, errors, settings, database, outbox. Knows nothing of ours."""

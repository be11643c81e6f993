"""What every room stands on: clock, identifiers, errors, settings, database, outbox, secret text. Knows nothing of ours."""

"""What every API endpoint shares: authentication, problems, cursors, idempotency, ETags, schema."""

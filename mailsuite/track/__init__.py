"""What became of messages: a bounded journal of happenings in SQLite, and a message's life read out of it."""

"""What commands share: load a session, gather its facts, build its document."""

"""What a session claims, expects and waits for, held against the facts."""

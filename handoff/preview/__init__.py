"""Preview: a session's document in the browser, following its files as they are saved."""

"""Preview: a session's document in the browser, updated as its files are saved."""

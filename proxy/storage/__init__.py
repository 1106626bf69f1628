"""State that survives a restart: models and quarantines."""

"""What stays on hold after a reset: the password, tokens and roles."""

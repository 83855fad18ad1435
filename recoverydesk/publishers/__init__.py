"""Trusted publishers: a workflow of a code host swaps a signed statement about itself for a token of 15 minutes."""

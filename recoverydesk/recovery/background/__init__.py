"""Rounds of the workers: what is due, looks at code hosts, requests typed into the form."""

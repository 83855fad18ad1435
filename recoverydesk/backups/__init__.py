"""Backups that verify, and what is said after one was restored."""

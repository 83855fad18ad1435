"""The desk of moderators and admins."""

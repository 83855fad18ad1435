"""A synthetic registry at any scale: `manage.py populate`. Fast, and the same for the same seed and day."""

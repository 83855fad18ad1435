"""Doors: thin views that call the rules of this room."""

"""The database as a whole: trouble with it, its cache, backup and restore, the keys its rows need."""

"""The database as a whole: trouble with it, its cache, the keys its rows need."""

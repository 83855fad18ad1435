"""Rules asked of the data of every room: `manage.py check_invariants`."""

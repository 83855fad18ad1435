"""Code hosts: described by staff, learned from the host, and how much each is asked."""

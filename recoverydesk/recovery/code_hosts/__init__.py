"""Code hosts: described by staff, learned by asking, and how much each is asked."""

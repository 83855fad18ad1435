"""What is known about a ticket's account: boundaries, contacts, facts, and the case that policy judges."""

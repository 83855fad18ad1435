"""`recoverydesk doctor`: is every setting right, and every part there? Each fault is named with what to do."""

"""HTTP to hosts that strangers name, and what keeps it safe. It knows no table and no setting."""

"""Pages of claimants, owners and co-owners."""

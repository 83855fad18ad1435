"""What every room uses and no room owns: the clock, keys, leases, fail points, wake-ups, CSV."""

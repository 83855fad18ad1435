"""`/metrics` for Prometheus. No label holds a name of a person, and none can take more values than this code knows."""

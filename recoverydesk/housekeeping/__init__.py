"""Due work that belongs to no ticket."""

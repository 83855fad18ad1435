"""The chain: sealing, checkpoints, verifying, export."""

"""The desk's pages: doors only."""

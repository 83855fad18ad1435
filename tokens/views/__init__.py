"""Doors: the pages of one's own tokens, and the one address where a token tells about itself."""

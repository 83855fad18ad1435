"""From a URL to its security boundary. Pure."""

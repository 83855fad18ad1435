"""Where requests and answers arrive: filled-in issue forms. Doors to the ticket office, which does not know them."""

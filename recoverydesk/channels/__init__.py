"""Where requests and answers arrive: issue forms and mail. Doors to the ticket office, which does not know them."""

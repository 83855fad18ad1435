"""How dates are written, by language: Django's own formats where a language has none here."""

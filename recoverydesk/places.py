"""Where the files are that are no Python: beside `manage.py` in a checkout, inside the package once it is installed."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent
INSTALLED = not (CHECKOUT / "manage.py").is_file()
FILES = PACKAGE / "files" if INSTALLED else CHECKOUT  # pyproject.toml puts them there
EXAMPLE = FILES / ".env.example"

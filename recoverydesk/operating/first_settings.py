"""`recoverydesk init`: writes the settings file of a production site, with every setting explained and fresh keys."""

import argparse
import os
import re
from collections.abc import Mapping
from pathlib import Path

from recoverydesk import places, settings_rules

NAME = "recoverydesk.env"
SETTING = re.compile(r"# ([A-Z][A-Z0-9_]+)=.*")


def main(words: list[str]) -> int:
    """Write the file and say what is next; 1 where one is there already."""
    asked = _parser().parse_args(words)
    folder = Path(asked.dir).absolute()
    address = settings_rules.base_url(asked.base_url) if asked.base_url else ""
    path, var = folder / NAME, Path(asked.var_dir or folder / "var").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        var.mkdir(parents=True, exist_ok=True)
        _write(path, text(fresh_values(var, address)))
    except OSError as error:
        if os.path.lexists(path):
            print(f"{path} is there already. Nothing was changed: its keys open the data of your site.")
        else:
            print(f"{path}: it cannot be written ({error.strerror})")
        return 1
    print(f"{path} is written, with fresh keys: keep a copy of it outside the backups of the database.")
    print(f"Next: fill in what is empty there, then `recoverydesk --env-file {path} doctor`.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recoverydesk init", description=__doc__)
    parser.add_argument("--dir", default=".", help="folder of the file")
    parser.add_argument("--var-dir", default="", help="folder where the program writes; usually var/ beside the file")
    parser.add_argument("--base-url", default="", help="https:// address people will use")
    return parser


def fresh_values(var: Path, address: str) -> dict[str, str]:
    """The settings of a new site behind one proxy, by name; an empty one is for the operator to fill in."""
    known = {
        "BASE_URL": address,
        "ALLOWED_HOSTS": re.sub(r"^https?://|:\d+$", "", address),
        "VAR_DIR": str(var),
        "TRUSTED_PROXY_COUNT": "1",
        "BEHIND_TLS_PROXY": "true",
        "SECRET_KEY": settings_rules.new_key() + settings_rules.new_key(),
        "FIELD_KEYS": settings_rules.new_key(),
        "AUDIT_KEY": settings_rules.new_key(),
    }
    return dict.fromkeys((*settings_rules.NEEDED, "DEFAULT_FROM_EMAIL"), "") | known


def text(values: Mapping[str, str]) -> str:
    """The example with these values filled in; what is not among them stays the default, behind #."""

    def line(found: re.Match[str]) -> str:
        return f"{found[1]}={values[found[1]]}" if found[1] in values else found[0]

    lines = places.EXAMPLE.read_text().splitlines()
    return "\n".join(SETTING.sub(line, one) if SETTING.fullmatch(one) else one for one in lines) + "\n"


def _write(path: Path, words: str) -> None:
    """For its owner alone. Raises FileExistsError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(words)

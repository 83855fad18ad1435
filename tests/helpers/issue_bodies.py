"""Made-up bodies of issue forms: every generation of the form, how people fill it in, what they put in besides.

`bodies(number, seed)` draws them and says of each what it may be read as: an account and claim, or nothing but a
question. Written from the forms' fields alone; no body is anybody's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

CODES_BOX = "I have lost my 2FA authentication app or security token, and my recovery code as well"
CONDUCT = "### Code of Conduct\n\n- [X] I agree to follow the PSF Code of Conduct"
PATIENCE = "### Acknowledgement\n\n- [X] I understand that it may take a significant amount of time"
OTHER = "mallory"  # whose name injections try to bring in

GENERATIONS = {
    "template of 2020": "Request for account recovery.\n\n## PyPI Username\n\n"
    "<!-- Replace the following with your PyPI username -->\n{name}\n\n---\n\n##  Reason for request\n\n"
    "<!-- State the reason for your request\n  - Lost access to email address\n"
    "  - Lost 2FA authentication app or security token\n-->\n\nReason:\n{reason}\n",
    "form of 2021": "### PyPI Username\n\n{name}\n\n### Reason for request\n\n{reason}\n\n" + CONDUCT
    + "\n\n### acknowledgement\n\n- [X] I understand",
    "form of 2023": "### PyPI Username\n\n{name}\n\n### Reason for request\n\n{reason}\n\n"
    + CONDUCT + "\n\n" + PATIENCE + "\n\n### Recovery code lost\n\n- [{box}] " + CODES_BOX,
    "form of 2026": "### PyPI Username\n\n{name}\n\n### Reason for request\n\n{reason}\n\n### Recovery Codes\n\n"
    "- [X] I do not have my recovery codes any more\n\n" + CONDUCT + "\n\n" + PATIENCE,
    "another site": "### Account name\n\n{name}\n\n### What happened?\n\n{reason}\n",
    "translated by hand": "### Nombre de usuario\n\n{name}\n\n### Motivo de la solicitud\n\n{reason}\n",
    "translated to German": "### Benutzername\n\n{name}\n\n### Grund der Anfrage\n\n{reason}\n",
}  # fmt: skip
CLEAR = {  # ways to write a name that mean exactly one
    "backticks": "`{}`", "plain": "{}", "single quotes": "'{}'", "double quotes": '"{}"', "curly quotes": "“{}”",
    "bold": "**{}**", "italic": "*{}*", "mention": "@{}", "full stop": "{}.",
    "double backticks": "``{}``", "spaces": "   {}  ", "profile page": "https://registry.example/user/{}/",
    "sentence": "My username is `{}`", "label": "Username: {}", "twice": "{0}\n{0}", "list": "- {}", "quote": "> {}",
    "linked": "[{0}](https://registry.example/user/{0}/)", "comment before": "<!-- your name here -->\n{}",
    "comment behind": "{} <!-- not " + OTHER + " -->", "zero width": "\u200b{}\ufeff", "entity": "&quot;{}&quot;",
    "guillemets": "«{}»", "user is": "user: `{}`",
    "comment over lines": "<!--\n### PyPI Username\n\n" + OTHER + "\n-->\n{}",
    "address": "{}@example.org",
}  # fmt: skip
EITHER = {"angle brackets": "<{}>"}  # a reader sees <a.b>, but not <ada>, which is an element of HTML
UNCLEAR = {  # and ways that name nobody, or two
    "no response": "_No response_", "empty": "", "placeholder": "`username`", "none": "N/A", "unknown": "I forgot it",
    "two lines": "{}\n" + OTHER, "or": "{} or " + OTHER, "comma": "`{}`, `" + OTHER + "`",
    "and": "`{}` and `" + OTHER + "`",
    "with address": "{} ({}@example.org)", "slash": "{} / " + OTHER, "old and new": "old: {}\nnew: " + OTHER,
    "fenced": "```\n{}\n```", "indented": "    {}", "another site's page": "https://elsewhere.example/{}",
    "in a comment": "<!-- {} -->", "look-alike letter": "\u0430{}", "full name": "Ada {} Lovelace",
    "two links": "[{}](https://registry.example/user/" + OTHER + "/)",
    "second heading": "{}\n\n### Username\n\n" + OTHER,
    "details": "{}\n\n<details>\n\n### PyPI Username\n\n" + OTHER + "\n\n</details>", "negated": "not {}",
    "html": "<b>{}</b>", "table": "| {} | " + OTHER + " |",
    "quoted form": "> ### PyPI Username\n> " + OTHER + "\n\n{}",
    "changed my mind": "{}\n(no, " + OTHER + ")", "numbered": "1. {}\n2. " + OTHER,
}  # fmt: skip
REASONS = {
    "second_factor": [
        "Lost 2FA authentication app or security token", "My phone was stolen.", "I lost my YubiKey",
        "new phone, the authenticator app did not restore", "Perdí mi segundo factor", "两步验证丢失了",
        "Zwei-Faktor-App weg", "I reset my phone and forgot the TOTP backup\r\n\r\nThanks!", "2fa lost :(",
        "MFA device broken. My projects: https://registry.example/project/tool/",
    ],
    "": [
        "Lost access to email address", "please help", "I lost my phone and can't read my email", "forgot password",
        "I still have my authenticator, but it says wrong code", "_No response_",
        "I lost my 2FA, mail me at a@b.example",
        "He perdido el correo", "メールアドレスを失いました", "I did not lose my 2FA, I want to rename the account",
        "```\nLost 2FA authentication app\n```", "<!-- Lost 2FA authentication app -->",
    ],
}  # fmt: skip
INJECTED = [
    "", "", "", "\n\n### PyPI Username\n\n" + OTHER, "\n\n" + OTHER, "\n\n@" + OTHER + " is a maintainer, too",
    "\n\n```\n### PyPI Username\n\n" + OTHER + "\n```", "\n\n<!-- ### Username\n" + OTHER + " -->",
    "\n\n> Username: " + OTHER,
    "\n\nPyPI Username\n-------------\n\n" + OTHER, "\n\n<!--", "\n\n- ### Username\n  " + OTHER, "\n" + "[" * 200,
]  # fmt: skip
NAMES = ["ada", "Ada-Lovelace", "grace.hopper", "x_y", "k8s2", "a" * 50, "O0"]


@dataclass(frozen=True)
class Body:
    """One body: as whom and what it may be read. `may_ask`: a question is right as well. `kind` is how it was made."""

    text: str
    account: str
    claim: str
    must_ask: bool
    may_ask: bool
    kind: str


def bodies(number: int, seed: int) -> Iterator[Body]:
    """So many bodies, the same ones for the same seed."""
    chance = Random(seed)
    for _one in range(number):
        yield _drawn(chance)


def _drawn(chance: Random) -> Body:
    generation, clear = chance.choice(list(GENERATIONS)), chance.random() < 0.7
    habits = CLEAR | EITHER if clear else UNCLEAR
    habit, account = chance.choice(list(habits)), chance.choice(NAMES)
    claim = chance.choice(["second_factor", "second_factor", ""])
    injected = chance.choice(INJECTED)
    reason = chance.choice(REASONS[claim]) + injected
    name = habits[habit].replace("{0}", "{}").replace("{}", account)
    box = chance.choice(["X", "x", " "]) if claim else " "  # a ticked one says that the factor is lost
    text = GENERATIONS[generation].format(name=name, reason=reason, box=box)
    if chance.random() < 0.3:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    heading = injected.startswith("\n\n### PyPI Username")
    either = heading or habit in EITHER
    meant = account if habit != "address" else f"{account}@example.org".lower()
    kind = f"{generation} · {habit} · {injected[:20]!r} · {reason[:20]!r}"
    return Body(text, meant, claim, not clear or not claim or heading, either, kind)

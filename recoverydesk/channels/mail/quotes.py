"""What somebody wrote themselves in an answer: without quotes, signature and what their program adds.

Line by line, once. A library for this was read: its expressions repeat within repetitions, on mail of strangers
(docs/adr/0196).
"""

import re

ATTRIBUTION = re.compile(
    r"(?:(?:on|am|le|el|em|il|op|den|dnia|vào)\b.{4,200}?\b(?:wrote|schrieb\b.{0,80}|a écrit|escribió|escreveu"
    r"|ha scritto|schreef\b.{0,80}|skrev\b.{0,80}|napisał)\s?:"
    r"|.{4,120}(?:написал\(?а?\)?|写道|寫道|のメール|wrote|schrieb|a écrit|escribió)\s?[:：])",
    re.I,
)
DATED = re.compile(r"[0-9]|\w@\w")
STARTS = re.compile(r"(?:on|am|le|el|em|il|op|den|dnia)\s.*\d", re.I)
SEPARATOR = re.compile(
    r"(?:[-_]{2,}\s?(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht"
    r"|message d'origine|message transféré|mensaje original|mensaje reenviado|mensagem original|messaggio originale"
    r"|исходное сообщение|原始邮件|元のメッセージ)\s?[-_]{2,}|_{20,}|begin forwarded message:)",
    re.I,
)
FROM = re.compile(r"\*?(?:from|von|de|da|van|från|fra|от|发件人|寄件者|差出人)\*?\s?[:：]\*?\s?\S", re.I)
HEADER = re.compile(
    r"\*?(?:sent|to|date|subject|cc|gesendet|an|datum|betreff|envoyé|à|date|objet|enviado(?: el)?|para|fecha|asunto"
    r"|data|assunto|inviato|a|oggetto|verzonden|aan|onderwerp|отправлено|кому|дата|тема|发送时间|收件人|主题|送信日時|宛先|件名)"
    r"\*?\s?[:：]\*?\s?\S",
    re.I,
)
DEVICE = re.compile(
    r"(?:sent from my|sent from (?:outlook|mail|yahoo)|get outlook for|von meinem .{2,40} gesendet|gesendet mit"
    r"|envoyé de mon|envoyé depuis|enviado desde|enviado do meu|inviato da|verzonden vanaf)\b.{0,80}",
    re.I,
)
ARMOUR = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Za-z-]+: [^\n]{0,200}\n)*\n?")
LONGEST_LINE = 400  # of a line that is looked at for the words above


def own_words(text: str) -> str:
    """The new part of a mail's text, above, below and between quotes."""
    lines = ARMOUR.sub("", text, count=1).partition("-----BEGIN PGP SIGNATURE-----")[0].split("\n")
    kept, place = list[str](), 0
    while place < len(lines):
        line = lines[place].strip()
        if line.startswith(">"):
            place += 1
            continue
        if line in ("--", "—") or lines[place].rstrip("\r") == "-- " or _ends_all(lines, place):
            break
        length = _attribution(lines, place)
        if length and not _quoted(lines, place + length):
            break
        if not length:
            kept.append(lines[place].rstrip())
        place += length or 1
    return _without_device("\n".join(kept))


def _ends_all(lines: list[str], place: int) -> bool:
    """Whether everything from here on is the mail that is answered: Outlook's line, or its block of headers."""
    line = lines[place].strip()[:LONGEST_LINE]
    if SEPARATOR.fullmatch(line):
        return True
    below = [one.strip()[:LONGEST_LINE] for one in lines[place + 1 : place + 5]]
    return bool(FROM.match(line)) and sum(bool(HEADER.match(one)) for one in below) >= 2


def _attribution(lines: list[str], place: int) -> int:
    """How many lines from here on say who wrote what follows: 0 to 3."""
    first = lines[place].strip()[:LONGEST_LINE]
    if ATTRIBUTION.fullmatch(first):
        return int(bool(DATED.search(first)) or _quoted(lines, place + 1))
    if not STARTS.match(first):
        return 0
    for length in (2, 3):
        together = " ".join(one.strip() for one in lines[place : place + length])[:LONGEST_LINE]
        if ATTRIBUTION.fullmatch(together):
            return length
    return 0


def _quoted(lines: list[str], place: int) -> bool:
    """Whether the next line with anything in it is a quote."""
    following = (line.strip() for line in lines[place : place + 5])
    return next((line for line in following if line), "").startswith(">")


def _without_device(text: str) -> str:
    lines = text.strip().split("\n")
    while lines and (not lines[-1].strip() or DEVICE.fullmatch(lines[-1].strip()[:LONGEST_LINE])):
        lines.pop()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

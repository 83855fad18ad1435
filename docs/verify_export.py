"""Checks an export of the audit log: `python verify_export.py EXPORT KEY... [--checkpoint FILE]...`

EXPORT is what `manage.py export_audit` wrote; KEY the public key that the site shows at /audit/key/ (and older ones);
FILE a checkpoint of your own: the line of a checkpoint mail, or a copy of checkpoints.log. Ends with 0 and says what
was proved, or with 3 and says what is wrong. Needs Python 3.11 and `cryptography`. docs/audit.md has the rules.
"""

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TEXT, NUMBER, YES, LIST, OBJECT, NO = str, int, bool, list, dict, type(None)
COLUMNS = {
    "id": NUMBER, "time": TEXT, "tag": TEXT, "actor_uid": (TEXT, NO), "actor_name": TEXT, "subject_uid": (TEXT, NO),
    "subject_name": TEXT, "ticket": (NUMBER, NO), "project_uid": (TEXT, NO), "project_name": TEXT,
    "token_id": (TEXT, NO), "data": OBJECT, "commitment": TEXT,
}  # fmt: skip
SEAL = {
    "number": NUMBER, "time": TEXT, "previous": TEXT, "last_id": NUMBER, "count": NUMBER, "newest": (TEXT, NO),
    "imported": YES, "key_id": TEXT, "gaps": LIST, "entries": LIST, "signature": TEXT,
}  # fmt: skip
LINES = {  # in this order, and with exactly these fields
    "header": {"format": NUMBER, "site": TEXT, "time": TEXT, "key_id": TEXT, "triggers": LIST, "before": (OBJECT, NO)},
    "event": {"seal": (NUMBER, NO), **COLUMNS, "detail": (OBJECT, NO)},
    "seal": SEAL,
    "orphan": {"id": NUMBER},
    "checkpoint": {"seal": NUMBER, "time": TEXT, "hash": TEXT, "key_id": TEXT, "signature": TEXT},
    "end": {"seal": NUMBER, "hash": TEXT, "sha256": TEXT, "signature": TEXT},
}
DETAIL = {"salt": TEXT, "network": TEXT, "device": TEXT, "address": TEXT}
SLACK, EPOCH = 5_000_000, datetime(1970, 1, 1, tzinfo=UTC)


class Refused(Exception):
    """The file cannot be read any further."""


def micros(text):
    """A time as microseconds since 1970 UTC; None for text that is no time, or one otherwise written."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.isoformat(timespec="microseconds") == text:
            return (moment - EPOCH) // timedelta(microseconds=1)
    except (TypeError, ValueError):
        pass
    return None


def shaped(row, fields):
    """Has it these fields, no other, each of its type?"""
    if list(row) != list(fields):
        raise Refused("its fields are not those of the format")
    for name, types in fields.items():
        if type(row[name]) not in (types if isinstance(types, tuple) else (types,)):
            raise Refused(f"{name} is of the wrong type")


def sha(value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def seal_hash(s):
    entries = b"".join(struct.pack(">q32s", id_, bytes.fromhex(digest)) for id_, digest in s["entries"])
    gaps = b"".join(struct.pack(">qqqqq", *gap) for gap in s["gaps"])
    blobs = [hashlib.sha256(entries).hexdigest(), hashlib.sha256(gaps).hexdigest()]
    return sha([1, s["number"], micros(s["time"]), s["previous"], s["last_id"], s["count"],
                micros(s["newest"]), s["imported"], s["key_id"], *blobs])  # fmt: skip


class Check:
    """Reads the lines one by one. `wrong` is what was found, `hashes` and `times` are those of the seals."""

    def __init__(self, keys):
        self.keys, self.wrong, self.hashes, self.times = keys, [], {}, {}
        self.header = self.head = self.last_kind = None
        self.read, self.events, self.pending, self.unsealed = hashlib.sha256(), 0, [], []
        self.checkpoints, self.restores, self.dates = [], [], {}

    def signed(self, key_id, text, signature):
        try:
            raw = bytes.fromhex(signature)
            self.keys[key_id].verify(raw, b"recoverydesk audit seal 1:" + text.encode())
        except (InvalidSignature, KeyError, ValueError):
            return False
        return raw.hex() == signature

    def line(self, raw):
        """One line of the file, as its bytes."""
        row = json.loads(raw.decode("ascii"))
        if json.dumps(row) + "\n" != raw.decode("ascii") or type(row) is not dict:
            raise Refused("not written as an export is")  # a name twice, other spaces, other spellings
        kind = row.pop("type", None)
        if kind not in LINES:
            raise Refused(f"{kind!r} is no kind of line")
        shaped(row, LINES[kind])
        self._order(kind, row)
        getattr(self, f"_{kind}")(row)
        self.read.update(raw)
        self.last_kind = kind

    def _order(self, kind, row):
        """Header; events and seals; unsealed events; orphans; checkpoints; end: nothing else, and nothing after."""
        kinds = list(LINES)
        last = self.last_kind
        if last == "end":
            raise Refused("it stands after the end")
        if (last is None) != (kind == "header"):
            raise Refused("an export begins with its header, and has one")
        back = last is not None and kinds.index(kind) < kinds.index(last)
        if back and not (last == "seal" and kind == "event") or self.unsealed and kind == "seal":
            raise Refused("it stands in the wrong place")
        if self.pending and kind not in ("event", "seal"):
            raise Refused("the seal of the events before it is missing")

    def _header(self, row):
        self.header, self.head = row, row["before"]
        if row["format"] != 2:
            raise Refused(f"this script reads format 2; for {row['format']} take that of its release")
        self.taken = micros(row["time"])
        if self.taken is None or self.taken > micros(datetime.now(UTC).isoformat()) + 3600_000_000:
            raise Refused("the export is from the future")
        self.wrong += [f"trigger {name}: missing, altered, or not the log's own" for name in row["triggers"]]
        if self.head:
            shaped(self.head, SEAL)
            self._remember(self.head)

    def _event(self, row):
        if row["detail"] is not None:
            shaped(row["detail"], DETAIL)
        if row["seal"] is not None:
            self.pending.append(row)
            return
        if self.pending or self.unsealed and row["id"] <= self.unsealed[-1]:
            raise Refused("it stands in the wrong place")
        self.unsealed.append(row["id"])
        self._check_event(row, self.taken)

    def _seal(self, row):
        number, there = row["number"], {event["id"]: event for event in self.pending}
        expected = self.head["number"] + 1 if self.head else 1
        follows = row["previous"] == (self.hashes[self.head["number"]] if self.head else "")
        if number != expected and not (number > expected and follows and self._restored(row)):
            self.wrong.append(f"seal {number}: one before it is missing")
        elif not follows:
            self.wrong.append(f"seal {number}: it follows another one")
        ids = [id_ for id_, _digest in row["entries"]]
        if [event["id"] for event in self.pending] != [id_ for id_ in ids if id_ in there]:
            self.wrong.append(f"seal {number}: its events are not each there once, in its order")
        for id_, digest in row["entries"]:
            if id_ not in there:
                self.wrong.append(f"event {id_}: missing")
            elif sha([micros(there[id_][c]) if c == "time" else there[id_][c] for c in COLUMNS]) != digest:
                self.wrong.append(f"event {id_}: changed")
            else:
                self._check_event(there[id_], None if row["imported"] else micros(row["time"]), number)
        self.events += len(self.pending)
        self.dates[number] = [micros(event["time"]) or 0 for event in self.pending]
        self.pending, self.head = [], row
        self._remember(row)

    def _restored(self, row):
        """A seal that leaves numbers out, and is signed, records that the database was restored from a backup."""
        for event in self.pending:
            if event["tag"] == "audit:log:restore" and type(event["data"].get("seal")) is int:
                self.restores.append({"from": event["data"]["seal"], "to": row["number"], "lost": []})
                return True
        return False

    def _remember(self, row):
        number = row["number"]
        self.hashes[number], self.times[number] = seal_hash(row), row["time"]
        if not self.signed(row["key_id"], self.hashes[number], row["signature"]):
            self.wrong.append(f"seal {number}: changed, or not signed with a key that you gave")

    def _check_event(self, e, latest, seal=None):
        """Its detail, its seal, its place among the ids, and its date. `latest` is None where any date will do."""
        detail = e["detail"] and hashlib.sha256(json.dumps(list(e["detail"].values())).encode()).hexdigest()
        if detail and detail != e["commitment"]:
            self.wrong.append(f"event {e['id']}: its detail was changed")
        if e["seal"] != seal:
            self.wrong.append(f"event {e['id']}: it is not of seal {e['seal']}")
        gap = next((g for g in self.head["gaps"] if g[0] <= e["id"] <= g[1]), None) if self.head else None
        low, high = (gap[2], gap[3]) if gap else ((self.head and micros(self.head["newest"])) or 0, latest)
        if self.head and e["id"] <= self.head["last_id"] and not gap:
            self.wrong.append(f"event {e['id']}: inserted into sealed time")
        elif latest is not None and not low - SLACK <= (micros(e["time"]) or -SLACK) <= high + SLACK:
            self.wrong.append(f"event {e['id']}: dated outside the time it was written in")

    def _orphan(self, row):
        self.wrong.append(f"event {row['id']}: gone, its detail is not")

    def _checkpoint(self, row):
        self.checkpoints.append(row)

    def _end(self, row):
        number, last = (self.head["number"], self.hashes[self.head["number"]]) if self.head else (0, "")
        said = f"end:{number}:{last}:{self.read.hexdigest()}"
        as_read = (row["seal"], row["hash"], row["sha256"]) == (number, last, self.read.hexdigest())
        if not as_read or not self.signed(self.header["key_id"], said, row["signature"]):
            self.wrong.append("the end is not that of these lines: they were changed, or the key is another")
        if self.head and self.taken < (micros(self.head["time"]) or 0) - SLACK:
            self.wrong.append("the header is older than the last seal")

    def compare(self, name, line):
        """A checkpoint, of the export or of yours, with its seal; False for one of before the export's first seal."""
        if line["seal"] < min(self.hashes, default=1):
            return False
        if self.hashes.get(line["seal"]) != line["hash"]:
            if restore := next((one for one in self.restores if self._explains(one, line)), None):
                restore["lost"].append(micros(line["time"]))
            else:
                self.wrong.append(f"seal {line['seal']}: not what the checkpoint in {name} says")
        return True

    def lost_time(self, restore):
        """A backup has no event of the time after it, in which the seals that were lost were made."""
        if restore["lost"]:
            low, high = min(restore["lost"]) + SLACK, max(restore["lost"]) - SLACK
            after = [dates for number, dates in self.dates.items() if restore["from"] < number <= restore["to"]]
            if any(low < date < high for dates in after for date in dates):
                self.wrong.append(f"seal {restore['to']}: an event is dated in the time that this restore lost")

    def _explains(self, restore, line):
        """The checkpoint is of a seal that the restore lost: signed, numbered in between, older than what followed."""
        if not restore["from"] < line["seal"] < restore["to"]:
            return False
        followed = min(number for number in self.times if number > restore["from"])
        older = (micros(line.get("time")) or 2**63) < micros(self.times[followed])
        return older and self.signed(line.get("key_id"), line["hash"], str(line.get("signature")))


def read_export(path, check):
    number = 0
    with open(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                check.line(raw)
            except Refused as why:
                return f"line {number}: {why}"
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError, struct.error):
                return f"line {number}: it cannot be read"
    if not number:
        return "the file is empty"
    return "" if check.last_kind == "end" else "the export was cut: it has no end"


def own_checkpoints(path):
    """The checkpoints in a file of yours; lines that are none (a mail's words) are passed over."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict) and type(line.get("seal")) is int and isinstance(line.get("hash"), str):
                yield line


def compare_all(check, paths):
    """How many checkpoints agree: those in the export, and yours."""
    found = sum(check.compare("the export", line) for line in check.checkpoints)
    yours = 0
    for path in paths:
        compared = [check.compare(path, line) for line in own_checkpoints(path)]
        if not any(compared):
            check.wrong.append(f"{path}: no checkpoint in it is about these seals")
        yours += sum(compared)
    for restore in check.restores:
        check.lost_time(restore)
    return found, yours


def summary(check, found, yours):
    first, head = next((n for n in check.hashes if n != (check.header["before"] or {}).get("number")), None), check.head
    print(f"intact: seals {first} to {head['number']}" if first else "intact: no seals", end=", ")
    print(f"{check.events} events; {len(check.unsealed)} events are not sealed yet")
    if head:
        print(f"last seal: {head['number']} of {head['time']}, hash {check.hashes[head['number']]}")
    for restore in check.restores:
        at = check.times[restore["to"]]
        print(f"restored from a backup: seal {restore['to']} of {at} goes on from {restore['from']}")
    print(f"taken: {check.header['time']} from {check.header['site']}")
    lost = sum(len(restore["lost"]) for restore in check.restores)
    print(f"checkpoints that agree: {found} in the export, {yours} of yours; {lost} are of what a restore lost")
    if not yours:
        print("give a checkpoint of your own (--checkpoint): without one a cut tail does not show")


def key_of(text):
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return hashlib.sha256(raw).hexdigest()[:16], Ed25519PublicKey.from_public_bytes(raw)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Checks an export of the audit log.")
    parser.add_argument("export")
    parser.add_argument("keys", nargs="+", type=key_of, metavar="KEY", help="a public key from /audit/key/")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="a checkpoint of your own")
    typed = sys.argv[1:] if arguments is None else arguments
    asked = parser.parse_args([re.sub(r"^-(?=[\w-]{42}$)", "+", one) for one in typed])  # a key may begin with "-"
    check = Check(dict(asked.keys))
    try:
        stopped = read_export(asked.export, check)
        found, yours = (0, 0) if stopped else compare_all(check, asked.checkpoint)
    except OSError as error:
        parser.error(str(error))
    wrong = check.wrong + [stopped] * bool(stopped)
    if wrong:
        print("\n".join(wrong))
        return 3
    summary(check, found, yours)
    return 0


if __name__ == "__main__":
    sys.exit(main())

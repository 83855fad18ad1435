"""Checks an export of the audit log: `python verify_export.py EXPORT KEY...`. Needs the `cryptography` package.

EXPORT is what `manage.py export_audit` wrote, KEY the public key that the site shows at /audit/key/ (and older ones).
Prints what is wrong, first things first; ends with 0 when nothing is, with 3 otherwise. docs/audit.md has the rules.
"""

import base64
import hashlib
import json
import struct
import sys
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

COLUMNS = ("id", "time", "tag", "actor_uid", "actor_name", "subject_uid", "subject_name", "ticket", "project_uid",
           "project_name", "token_id", "data", "commitment")  # fmt: skip
SLACK, wrong, keys = 5_000_000, [], {}


def micros(text):
    try:
        return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (TypeError, ValueError):
        return None


def sha(value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def seal_hash(s):
    entries = b"".join(struct.pack(">q32s", id_, bytes.fromhex(digest)) for id_, digest in s["entries"])
    gaps = b"".join(struct.pack(">qqqqq", *gap) for gap in s["gaps"])
    blobs = [hashlib.sha256(entries).hexdigest(), hashlib.sha256(gaps).hexdigest()]
    return sha([1, s["number"], micros(s["time"]), s["previous"], s["last_id"], s["count"], micros(s["newest"]),
                s["imported"], s["key_id"], *blobs])  # fmt: skip


def signed(key_id, text, signature):
    try:
        keys[key_id].verify(bytes.fromhex(signature), b"recoverydesk audit seal 1:" + text.encode())
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def check_event(e, head, latest, expected):
    """`expected` is the digest its seal has; empty for an event no seal has yet."""
    if expected and sha([micros(e[c]) if c == "time" else e[c] for c in COLUMNS]) != expected:
        wrong.append(f"event {e['id']}: changed")
    if e["detail"] and hashlib.sha256(json.dumps(list(e["detail"].values())).encode()).hexdigest() != e["commitment"]:
        wrong.append(f"event {e['id']}: its detail was changed")
    gap = next((g for g in head["gaps"] if g[0] <= e["id"] <= g[1]), None) if head else None
    low, high = (gap[2], gap[3]) if gap else ((head and micros(head["newest"])) or 0, latest)
    if head and e["id"] <= head["last_id"] and not gap:
        wrong.append(f"event {e['id']}: inserted into sealed time")
    elif latest and not low - SLACK <= (micros(e["time"]) or -SLACK) <= high + SLACK:
        wrong.append(f"event {e['id']}: dated outside the time it was written in")


def main(path, *public_keys):
    for text in public_keys:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        keys[hashlib.sha256(raw).hexdigest()[:16]] = Ed25519PublicKey.from_public_bytes(raw)
    events, hashes, head, ended = {}, {}, None, False
    for line in map(json.loads, open(path, encoding="utf-8")):  # noqa: SIM115
        kind = line["type"]
        if kind == "header":
            own_key, head, first = line["key_id"], line["before"], line["since"]
            wrong.extend(f"trigger {name}: missing" for name in line["missing"])
        elif kind == "event" and line["seal"] is None:
            check_event(line, head, micros("9999-01-01T00:00:00+00:00"), "")
        elif kind == "event":
            events[line["id"]] = line
        elif kind == "seal":
            this = hashes[line["number"]] = seal_hash(line)
            follows = line["previous"] == (seal_hash(head) if head else "")
            if line["number"] != (head["number"] + 1 if head else first):
                wrong.append(f"seal {line['number']}: one before it is missing")
            elif not follows or not signed(line["key_id"], this, line["signature"]):
                wrong.append(f"seal {line['number']}: changed")
            for id_, digest in line["entries"]:
                if id_ in events:
                    check_event(events.pop(id_), head, None if line["imported"] else micros(line["time"]), digest)
                else:
                    wrong.append(f"event {id_}: missing")
            wrong.extend(f"event {id_}: in no seal" for id_ in events)
            events, head = {}, line
        elif kind == "checkpoint" and hashes.get(line["seal"]) != line["hash"]:
            wrong.append(f"seal {line['seal']}: not what the checkpoint says")
        elif kind == "orphan":
            wrong.append(f"event {line['id']}: gone, its detail is not")
        elif kind == "end":
            number, last = (head["number"], seal_hash(head)) if head else (0, "")
            ended = signed(own_key, f"end:{number}:{last}", line["signature"])
    if not ended:
        wrong.append("the export was cut, or somebody else wrote its end")
    print("\n".join(wrong) or f"intact: {len(hashes)} seals")
    return 3 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

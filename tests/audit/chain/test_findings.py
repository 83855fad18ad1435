"""The report: what it counts, what it keeps, and how it speaks to programs."""

from datetime import UTC, datetime

from audit.chain.findings import KEPT, Finding, Kind, Report
from audit.chain.forks import Fork

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_finding_is_one_line() -> None:
    finding = Finding(Kind.EVENT_CHANGED, "audit_event", 7, "not as seal 2 has it")
    assert str(finding) == "event-changed: audit_event 7: not as seal 2 has it"


def test_all_are_counted_and_the_first_twenty_are_kept_in_order() -> None:
    assert Report().intact
    report = Report()
    for number in range(KEPT + 5):
        report.add(Kind.EVENT_MISSING, "audit_event", number, f"seal {number} has it")
    assert not report.intact
    assert report.found == 25
    assert [finding.row for finding in report.findings] == list(range(20))
    assert report.findings[3] == Finding(Kind.EVENT_MISSING, "audit_event", 3, "seal 3 has it")


def test_the_lines_a_file_lacks_are_kept_from_the_first_to_the_last() -> None:
    report = Report()
    for first, last in ((5, 6), (7, 7), (3, 4)):
        report.add_gone("one", first, last)
    report.add_gone("two", 9, 9)
    assert report.gone == {"one": (3, 7), "two": (9, 9)}


def test_a_report_without_findings_as_a_program_reads_it() -> None:
    assert Report().as_json() == {
        "intact": True, "first": None, "seals": 0, "events": 0, "unsealed": 0, "erased": 0, "imported": 0,
        "checkpoints": 0, "lost": 0, "found": 0, "findings": [], "last_left": None, "silent": False, "restores": [],
        "notes": [],
    }  # fmt: skip


def test_a_report_as_a_program_reads_it() -> None:
    report = Report(
        seals=1, events=2, unsealed=3, erased=4, checkpoints=5, imported=6, lost=7, silent=True, last_left=NOON,
        notes=["a note"], restores=[Fork(2_000_000, NOON, 6, 0, "the disk broke")],
    )  # fmt: skip
    report.add(Kind.SEAL_MISSING, "audit_seal", 4, "the chain goes on with seal 5")
    found = {"kind": "seal-missing", "table": "audit_seal", "row": 4, "why": "the chain goes on with seal 5"}
    assert report.as_json() == {
        "intact": False, "first": found, "seals": 1, "events": 2, "unsealed": 3, "erased": 4, "imported": 6,
        "checkpoints": 5, "lost": 7, "found": 1, "findings": [found], "last_left": "2026-03-01T12:00:00+00:00",
        "silent": True, "notes": ["a note"],
        "restores": [{"seal": 2_000_000, "time": "2026-03-01T12:00:00+00:00", "from": 6, "reason": "the disk broke"}],
    }  # fmt: skip

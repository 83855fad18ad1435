"""What verifying looks at around the chain: what guards its tables, whether it is there at all, whether it speaks."""

from django.contrib.auth import get_user_model
from django.db import connection

from audit import triggers
from audit.chain import outlets, strangers
from audit.chain.findings import Kind, Report
from audit.models import Event
from common.clock import database_now


def check_surroundings(report: Report) -> None:
    """Add what is wrong to the report; call it after the chain was read."""
    _guards(report)
    _emptiness(report)
    _departures(report)


def _guards(report: Report) -> None:
    for name in triggers.missing(connection):
        report.add(Kind.TRIGGER_MISSING, "trigger", name, "absent, altered or switched off")
    for name in strangers.found(connection):
        report.add(Kind.TRIGGER_FOREIGN, "trigger", name, "not the log's own")


def _emptiness(report: Report) -> None:
    """Whatever account there is left an event; a superuser made from the shell does with the first sign-in."""
    accounts = get_user_model().objects.exclude(is_superuser=True, last_login=None)
    if not report.seals and not Event.objects.exists() and accounts.exists():
        report.add(Kind.LOG_EMPTY, "audit_event", 0, "there are accounts, and not one event")


def _departures(report: Report) -> None:
    """No finding, but worth a look: what has not left cannot speak against whoever rules the database."""
    found = outlets.departures(database_now())
    report.last_left, report.silent = found.last, found.silent
    if found.silent:
        last = f"{found.last:%Y-%m-%d %H:%M} UTC" if found.last else "never"
        report.notes.append(f"no checkpoint has left by mail or sink for 25 hours; the last one: {last}")
    for outlet in outlets.current():
        if outlet.failures:
            report.notes.append(f"the {outlet.name} has failed {outlet.failures} times: {outlet.error}")

"""Who is told of what: NOTIFY, RFC 3461 §4.1 and §5.2.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.model import Address, Delayed, Envelope, Failed, Outcome


def wanted(envelope: Envelope, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """What of it is to be told to anybody."""
    notify = {recipient.address: recipient.notify for recipient in envelope.recipients}
    traced = envelope.deliver_by is not None and envelope.deliver_by.traced
    return [outcome for outcome in outcomes if _wants(notify.get(outcome.recipient, frozenset()), outcome, traced)]


def by_return_path(envelope: Envelope, outcomes: Sequence[Outcome]) -> dict[Address, list[Outcome]]:
    """Who is to be told what: recipients may have return paths of their own."""
    paths = {recipient.address: recipient.return_path for recipient in envelope.recipients}
    told: dict[Address, list[Outcome]] = {}
    for outcome in outcomes:
        told.setdefault(paths.get(outcome.recipient) or envelope.sender, []).append(outcome)
    return told


def _wants(notify: frozenset[str], outcome: Outcome, traced: bool) -> bool:
    """RFC 3461 §5.2: who said nothing wants to hear of failures, and may hear of delays (§5.2.5)."""
    if isinstance(outcome, Failed):
        return not notify or "FAILURE" in notify
    if isinstance(outcome, Delayed):
        return not notify or "DELAY" in notify
    if traced and not outcome.final and "NEVER" not in notify:  # RFC 2852 §4.2: every relay tells
        return True
    return "SUCCESS" in notify and not outcome.dsn

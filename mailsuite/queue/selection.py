"""Which queued messages a ``Selection`` means.  Pure."""

from __future__ import annotations

from mailsuite.model import Address, Pending, Queued, Selection

_NULL_SENDER = "<>"


def selected(selection: Selection, queued: Queued, now: float) -> bool:
    """Whether everything that the selection asks for holds of the message at ``now`` (epoch seconds)."""
    age = now - queued.envelope.arrived
    return (
        (selection.ids is None or queued.envelope.id in selection.ids)
        and (not selection.sender or _is_from(queued.envelope.sender, selection.sender.lower()))
        and (not selection.older or age >= selection.older)
        and (not selection.younger or age < selection.younger)
        and (selection.held is None or queued.held == selection.held)
        and (not _asks_of_recipients(selection) or any(_waits(selection, entry) for entry in queued.pending))
    )


def _asks_of_recipients(selection: Selection) -> bool:
    return bool(selection.recipient or selection.domain or selection.error)


def _waits(selection: Selection, entry: Pending) -> bool:
    address = entry.recipient.address
    return (
        (not selection.recipient or str(address).lower() == selection.recipient.lower())
        and (not selection.domain or _is_below(address.domain, selection.domain.lower(), selection.subdomains))
        and (not selection.error or selection.error.lower() in f"{entry.last_status} {entry.last_text}".lower())
    )


def _is_from(sender: Address, wanted: str) -> bool:
    if wanted == _NULL_SENDER:
        return sender.is_null
    return ("@" + sender.domain if wanted.startswith("@") else str(sender).lower()) == wanted


def _is_below(domain: str, wanted: str, subdomains: bool) -> bool:
    domain = domain.lower()
    return domain == wanted or (subdomains and domain.endswith("." + wanted))

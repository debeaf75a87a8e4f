"""Queued messages as JSON for programs.  Times in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from mailsuite.model import Queued


def show_messages(messages: Sequence[Queued]) -> None:
    """One document, a list."""
    encoded = msgspec.json.encode([_as_json(one) for one in messages])
    click.echo(msgspec.json.format(encoded, indent=2))


def _as_json(one: Queued) -> dict[str, object]:
    envelope = one.envelope
    return {
        "id": envelope.id,
        "size": one.size,
        "arrived": envelope.arrived,
        "sender": str(envelope.sender),
        "due": one.due,
        "release": envelope.release,
        "expires": one.expires,
        "priority": envelope.priority,
        "trying": one.trying,
        "held": one.held,
        "via": one.via,
        "attempts": one.attempts,
        "unwritten": one.unwritten,
        "recipients": [
            {
                "address": str(entry.recipient.address),
                "attempts": entry.attempts,
                "due": max(entry.due, one.due),
                "last_status": entry.last_status,
                "last_text": entry.last_text,
                "last_host": entry.last_host,
            }
            for entry in one.pending
        ],
    }

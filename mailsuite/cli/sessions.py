"""``mailsuite sessions``: who is connected to the running server, and which limits clients have met."""

from __future__ import annotations

import time

import click
import msgspec

from mailsuite.cli.instance import queue_folder
from mailsuite.cli.options import config_option, json_option, show_json, show_table
from mailsuite.cli.queue_table import span
from mailsuite.cli.running import Running, connect
from mailsuite.errors import NotFound
from mailsuite.net.control import Look
from mailsuite.net.sessions import Described, Overview
from mailsuite.queue.file import Places


@click.command
@click.option("--account", metavar="NAME", help="Only sessions of this account.")
@json_option
@config_option
def sessions(config: str | None, account: str | None, as_json: bool) -> None:
    """Show the open sessions of the running server, and how often a limit was met since it started.

    \b
    mailsuite sessions --config /etc/mailsuite/mailsuite.toml
    """
    found = _look(queue_folder(config))
    shown = [one for one in found.sessions if account is None or one.account == account]
    shown.sort(key=lambda one: (one.service, one.since))
    if as_json:
        show_json(msgspec.to_builtins(msgspec.structs.replace(found, sessions=tuple(shown))))
        return
    now = time.time()
    rows = [_row(one, now) for one in shown]
    show_table(("service", "client", "account", "TLS", "since", "silent for"), rows, "no sessions")
    for name, count in sorted(found.hits.items()):
        click.echo(f"{count:>8}  {name}")


def _look(folder: str) -> Overview:
    connection = connect(Places(folder).control)
    if connection is None:
        raise NotFound("no server runs on this instance")
    with connection:
        return msgspec.convert(Running(connection).ask(Look()), Overview)


def _row(one: Described, now: float) -> list[str]:
    return [one.service, one.peer, one.account, one.tls, f"{span(now - one.since)} ago", span(now - one.moved)]

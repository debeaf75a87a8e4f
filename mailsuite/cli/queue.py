"""``mailsuite queue``: what waits for other servers, and hurrying or removing it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from mailsuite.cli.instance import queue_folder
from mailsuite.cli.options import config_option, json_option, show_json
from mailsuite.cli.queue_access import QueueAccess, open_queue
from mailsuite.cli.queue_table import table
from mailsuite.errors import NotAllowed, NotFound
from mailsuite.model import Queued

_F = TypeVar("_F", bound=Callable[..., Any])


def _folder_options(command: _F) -> _F:
    """Where the queue is: ``config`` and ``folder``."""
    option = click.option("--queue", "folder", metavar="DIR", help="The queue's folder, instead of --config.")
    return config_option(option(command))


@click.group
def queue() -> None:
    """Mail that waits for other servers. Works whether the server runs or not.

    \b
    mailsuite queue list
    mailsuite queue flush
    """


@queue.command("list")
@json_option
@_folder_options
def list_messages(config: str | None, folder: str | None, as_json: bool) -> None:
    """List the messages, oldest first, one line a waiting recipient.

    \b
    mailsuite queue list --config /etc/mailsuite/mailsuite.toml
    """
    with open_queue(folder or queue_folder(config), change=False) as access:
        messages = access.list()
    if as_json:
        show_json([_as_json(one) for one in messages])
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for line in table(messages, time.time(), width) if messages else ("The queue is empty.",):
        click.echo(line)


@queue.command
@click.argument("ids", nargs=-1, metavar="[ID]...")
@_folder_options
def flush(config: str | None, folder: str | None, ids: tuple[str, ...]) -> None:
    """Try all messages now, or those with the given ids. Without a server: as soon as it runs.

    \b
    mailsuite queue flush
    """
    with open_queue(folder or queue_folder(config), change=True) as access:
        held = [one.envelope.id for one in (_named(access, ids) if ids else access.list()) if one.held]
        if ids and held:
            raise NotAllowed(
                f"held: {', '.join(held)}; `mailsuite queue release ID` lets it go on; nothing was changed"
            )
        count = access.flush(ids or None)
    click.echo("1 message is due now" if count == 1 else f"{count} messages are due now")
    if held:
        click.echo(f"{len(held)} held, not tried before `mailsuite queue release ID`")


@queue.command
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_folder_options
def drop(config: str | None, folder: str | None, ids: tuple[str, ...]) -> None:
    """Remove messages for good. Nobody is told.

    \b
    mailsuite queue drop 237t1k88f5lgdj1v
    """
    with open_queue(folder or queue_folder(config), change=True) as access:
        _named(access, ids)
        for id in ids:
            access.drop(id)
            click.echo(f"{id} dropped")


@queue.command
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_folder_options
def hold(config: str | None, folder: str | None, ids: tuple[str, ...]) -> None:
    """Keep messages back until they are released.

    \b
    mailsuite queue hold 237t1k88f5lgdj1v
    """
    _hold(folder or queue_folder(config), ids, True)


@queue.command
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_folder_options
def release(config: str | None, folder: str | None, ids: tuple[str, ...]) -> None:
    """Let held messages go on.

    \b
    mailsuite queue release 237t1k88f5lgdj1v
    """
    _hold(folder or queue_folder(config), ids, False)


def _hold(folder: str, ids: tuple[str, ...], held: bool) -> None:
    with open_queue(folder, change=True) as access:
        _named(access, ids)
        for id in ids:
            access.hold(id, held)
            click.echo(f"{id} {'held' if held else 'released'}")


def _named(access: QueueAccess, ids: Sequence[str]) -> Sequence[Queued]:
    """These messages; looked for before anything is done to one.  Raises NotFound if any is not there."""
    waiting = {one.envelope.id: one for one in access.list()}
    missing = [id for id in ids if id not in waiting]
    if missing:
        raise NotFound(f"no message {', '.join(missing)} in the queue; nothing was changed")
    return [waiting[id] for id in ids]


def _as_json(one: Queued) -> dict[str, object]:
    """Times in seconds since the epoch."""
    return {
        "id": one.envelope.id,
        "size": one.size,
        "arrived": one.envelope.arrived,
        "sender": str(one.envelope.sender),
        "due": one.due,
        "held": one.held,
        "attempts": one.attempts,
        "recipients": [
            {
                "address": str(entry.recipient.address),
                "attempts": entry.attempts,
                "last_status": entry.last_status,
                "last_text": entry.last_text,
                "last_host": entry.last_host,
            }
            for entry in one.pending
        ],
    }

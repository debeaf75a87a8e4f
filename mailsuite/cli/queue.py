"""``mailsuite queue``: what waits for other servers, why, and steering it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
import msgspec

from mailsuite.cli.instance import queue_folder
from mailsuite.cli.options import config_option, json_option, quoted, show_json
from mailsuite.cli.queue_access import QueueAccess, open_queue
from mailsuite.cli.queue_filter import filter_options, selection, some
from mailsuite.cli.queue_json import show_messages
from mailsuite.cli.queue_orders import NAMED, Result, ordered
from mailsuite.cli.queue_stats import stats, stats_lines
from mailsuite.cli.queue_table import table
from mailsuite.cli.queue_why import why as why_lines
from mailsuite.errors import InvalidName, NotAllowed, NotFound
from mailsuite.model import EVERYTHING, Bounce, Drop, Hold, Kick, Order, Queued, Release, Reroute, Selection
from mailsuite.queue.file import Places, checked_via
from mailsuite.queue.orders import checked_words

_F = TypeVar("_F", bound=Callable[..., Any])


def _folder_options(command: _F) -> _F:
    """Where the queue is: ``config`` and ``folder``."""
    option = click.option("--queue", "folder", metavar="DIR", help="The queue's folder, instead of --config.")
    return config_option(option(command))


def _all_option(command: _F) -> _F:
    return click.option("--all", "everything", is_flag=True, help="Every message.")(command)


@click.group
def queue() -> None:
    """Mail that waits for other servers. Works whether the server runs or not.

    \b
    mailsuite queue list --domain example.org
    mailsuite queue why 237t1k88f5lgdj1v
    mailsuite queue kick
    """


# -- seeing ------------------------------------------------------------------------------------------------------------


@queue.command("list")
@json_option
@filter_options
@_folder_options
def list_messages(config: str | None, folder: str | None, as_json: bool, **given: Any) -> None:
    """List messages, oldest first, one line a waiting recipient.

    \b
    mailsuite queue list --older 4h --error "connection refused"
    """
    which = selection(**given)
    with open_queue(folder or queue_folder(config), change=False) as access:
        messages = _chosen(access, which)
    if as_json:
        show_messages(messages)
        return
    if not messages:
        click.echo("The queue is empty." if which == EVERYTHING else "No such message waits.")
        return
    click.echo("\n".join(table(messages, time.time(), _width())))


@queue.command
@json_option
@click.option("--raw", is_flag=True, help="The message itself, as it is stored.")
@click.argument("id")
@_folder_options
def show(config: str | None, folder: str | None, id: str, raw: bool, as_json: bool) -> None:
    """Show one message: envelope and attempts, or the message itself.

    \b
    mailsuite queue show 237t1k88f5lgdj1v --raw | less
    """
    place = folder or queue_folder(config)
    with open_queue(place, change=False) as access:
        (one,) = _chosen(access, Selection(ids=(id,)))
    if raw:
        with open(f"{Places(place).messages}/{id}", "rb") as file:
            sys.stdout.buffer.write(file.read().partition(b"\n\n")[2])
    elif as_json:
        show_messages([one])
    else:
        click.echo("\n".join(why_lines(one, time.time())))


@queue.command
@json_option
@filter_options
@_folder_options
def why(config: str | None, folder: str | None, as_json: bool, **given: Any) -> None:
    """Say why messages are still here, and what happens next.

    \b
    mailsuite queue why --recipient bob@example.org
    """
    with open_queue(folder or queue_folder(config), change=False) as access:
        messages = _chosen(access, selection(**given))
    if as_json:
        show_messages(messages)
        return
    now = time.time()
    lines = [line for one in messages for line in (*why_lines(one, now), "")]
    click.echo("\n".join(lines[:-1]) if lines else "No such message waits.")


@queue.command("stats")
@json_option
@click.option("--top", default=10, type=click.IntRange(1, 10_000), help="How many domains and errors.")
@filter_options
@_folder_options
def show_stats(config: str | None, folder: str | None, as_json: bool, top: int, **given: Any) -> None:
    """Count what waits, and where most of it is going.

    \b
    mailsuite queue stats --older 1d
    """
    with open_queue(folder or queue_folder(config), change=False) as access:
        messages = _chosen(access, selection(**given))
    if as_json:
        show_json(stats(messages, time.time(), top))
    else:
        click.echo("\n".join(stats_lines(messages, time.time(), top, _width())))


# -- steering ----------------------------------------------------------------------------------------------------------


def _kick(config: str | None, folder: str | None, as_json: bool, **given: Any) -> None:
    which = selection(**given)
    with open_queue(folder or queue_folder(config), change=True) as access:
        found = _chosen(access, which, change=True)
        held = [one.envelope.id for one in found if one.held]
        if which.ids and held:
            raise NotAllowed(
                f"held: {', '.join(held)}; `mailsuite queue release ID` lets it go on; nothing was changed"
            )
        result = ordered(access, found, Kick())
    count = len(result.done)
    if as_json:
        show_json({"due": count, "held": len(held), "failed": result.failed})
    else:
        click.echo("1 message is due now" if count == 1 else f"{count} messages are due now")
        if held:
            click.echo(f"{len(held)} held, not tried before `mailsuite queue release ID`")
    result.complain("due now")


@queue.command
@json_option
@filter_options
@_folder_options
def kick(**given: Any) -> None:
    """Try messages now: all, or those that are meant. Without a server: as soon as it runs.

    \b
    mailsuite queue kick --domain example.org
    """
    _kick(**given)


@queue.command
@json_option
@filter_options
@_folder_options
def flush(**given: Any) -> None:
    """The same as kick.

    \b
    mailsuite queue flush
    """
    _kick(**given)


def _steering_options(command: _F) -> _F:
    """Which messages an order is for, and how it is told."""
    return json_option(_all_option(filter_options(_folder_options(command))))


@queue.command
@_steering_options
def drop(**given: Any) -> None:
    """Remove messages for good. Nobody is told.

    \b
    mailsuite queue drop 237t1k88f5lgdj1v
    """
    _steer(Drop(), "dropped", **given)


@queue.command
@click.option("--words", default="The postmaster returned it.", show_default=True, help="What the sender is told.")
@_steering_options
def bounce(words: str, **given: Any) -> None:
    """Return messages to their senders now.

    \b
    mailsuite queue bounce --domain exmaple.org --words "There is no such domain."
    """
    if not words.strip():
        raise InvalidName("--words has no words: say what the sender is told, or leave it out")
    words = checked_words(words)
    _steer(Bounce(words), "returned", "will be returned", **given)


@queue.command
@click.argument("via")
@_steering_options
def reroute(via: str, **given: Any) -> None:
    """Send messages by another host, whatever DNS says.

    VIA is HOST or HOST:PORT; `-` is the usual way again.

    \b
    mailsuite queue reroute backup.example.net:2525 --domain example.org
    """
    if not via.strip():
        raise InvalidName("VIA is empty: HOST or HOST:PORT, or `-` for the usual way")
    if via.startswith("-") and via != "-":
        raise InvalidName(f"{quoted(via)} is no host: HOST or HOST:PORT; `-` alone is the usual way")
    via = checked_via("" if via == "-" else via)
    _steer(Reroute(via), "rerouted", f"goes by {via}" if via else "goes the usual way", **given)


@queue.command
@_steering_options
def hold(**given: Any) -> None:
    """Keep messages back until they are released.

    \b
    mailsuite queue hold 237t1k88f5lgdj1v
    """
    _steer(Hold(), "held", **given)


@queue.command
@_steering_options
def release(**given: Any) -> None:
    """Let held messages go on.

    \b
    mailsuite queue release 237t1k88f5lgdj1v
    """
    _steer(Release(), "released", **given)


def _width() -> int:
    """Columns of the terminal; 0 in a pipe, where no line is broken."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _chosen(access: QueueAccess, which: Selection, change: bool = False) -> Sequence[Queued]:
    """These messages; looked for before anything is done to one (``change`` says that something will).  Raises NotFound
    if one that was named is not there."""
    if which.ids is not None:
        there = {one.envelope.id for one in access.list(Selection(ids=which.ids))}
        missing = [id for id in which.ids if id not in there]
        if missing:
            more = f" and {len(missing) - NAMED} more" if missing[NAMED:] else ""
            done = "; nothing was changed" if change else ""
            raise NotFound(f"no message {', '.join(missing[:NAMED])}{more} in the queue{done}")
    return access.list(which)


def _steer(
    order: Order, what: str, happens: str = "", *,
    config: str | None, folder: str | None, as_json: bool, everything: bool, **given: Any,
) -> None:  # fmt: skip
    """Give the order for those that are meant; see ``_say``."""
    which = some(selection(**given), everything)
    with open_queue(folder or queue_folder(config), change=True) as access:
        _say(ordered(access, _chosen(access, which, change=True), order), what, as_json, happens)


def _say(result: Result, what: str, as_json: bool, happens: str = "") -> None:
    """Raises Temporary if it was not done to all of them."""
    if as_json:
        show_json(msgspec.to_builtins(result))
    elif len(result.done) > NAMED or not (result.done or result.failed):
        click.echo(f"{len(result.done)} messages: {happens or what}")
    else:
        for id in result.done:
            click.echo(f"{id} {happens or what}")
    if result.gone and not as_json:
        click.echo(f"{len(result.gone)} gone from the queue meanwhile")
    result.complain(what)

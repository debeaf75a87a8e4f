"""``mailsuite track``: the life of a message."""

from __future__ import annotations

import os
import shutil
import sys

import click
import msgspec

from mailsuite.cli.instance import settings_of
from mailsuite.cli.options import config_option, json_option, show_json
from mailsuite.cli.track_table import lines_of
from mailsuite.errors import NotFound
from mailsuite.track.database import reading
from mailsuite.track.life import found, life


@click.command
@click.argument("what", metavar="ID|ADDRESS|MESSAGE-ID")
@click.option("--last", default=10, show_default=True, type=click.IntRange(1, 100_000), help="The newest so many.")
@json_option
@config_option
def track(config: str | None, what: str, last: int, as_json: bool) -> None:
    """Show what became of messages: from the connection that brought them over checks, routes and attempts, with the
    other server's words, to the mailbox, where they were read, moved, expunged.

    The last second may not be there yet. How long all this is kept is track.keep of the configuration.

    \b
    mailsuite track 237t1k88f5lgdj1v
    mailsuite track bob@example.org --last 3
    mailsuite track "<20261121.1234@example.net>" --json
    """
    own = settings_of(config).track
    if not os.path.exists(own.file):
        why = f"{own.file} is not there: nothing has happened yet" if own.keep else "track.keep is 0: nothing is kept"
        raise NotFound(why)
    with reading(own.file) as connection:
        lives = [life(connection, id) for id in found(connection, what, last)]
    if as_json:
        show_json(msgspec.to_builtins(lives))
        return
    if not lives:
        raise NotFound(f"nothing is known of {what}")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    click.echo("\n\n".join("\n".join(lines_of(one, width)) for one in lives))

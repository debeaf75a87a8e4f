"""``mailsuite share list|set``: which mailboxes users share with others (RFC 4314), for who administers them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import click

from mailsuite.access import ANYONE, RIGHTS, VIRTUAL
from mailsuite.cli.instance import open_records, settings_of
from mailsuite.cli.options import config_option, json_option, show_json, show_table
from mailsuite.cli.queue_access import act_as_owner
from mailsuite.directory.names import account_name
from mailsuite.disk.real import RealDisk
from mailsuite.errors import InvalidName, NotAllowed, NotFound
from mailsuite.model import INBOX, FlagOp
from mailsuite.store import access
from mailsuite.store.access import Shares
from mailsuite.store.names import account_path, checked_name, from_folder, to_folder


@click.group
def share() -> None:
    """Mailboxes that users share with each other. Changes count at once, also in a running server.

    \b
    mailsuite share set ann@example.org Work bob@example.org lrs
    """


@share.command("list")
@click.argument("address")
@json_option
@config_option
def list_shares(address: str, config: str | None, as_json: bool) -> None:
    """List which mailboxes of ADDRESS others may use, and how.

    \b
    mailsuite share list ann@example.org
    """
    settings = settings_of(config)
    owner = account_name(address)
    found = _accesses(_maildir(settings.paths.store, owner))
    rows = [[name, who, rights] for name in sorted(found) for who, rights in sorted(found[name].items())]
    if as_json:
        show_json([{"mailbox": name, "who": who, "rights": rights} for name, who, rights in rows])
        return
    show_table(("mailbox", "who", "rights"), rows, f"{owner} shares nothing; `mailsuite share set` does")


@share.command("set")
@click.argument("address")
@click.argument("mailbox")
@click.argument("who")
@click.argument("rights")
@config_option
def set_share(address: str, mailbox: str, who: str, rights: str, config: str | None) -> None:
    """Let WHO do RIGHTS in the MAILBOX of ADDRESS, and nothing else.

    WHO is an account, or anyone. RIGHTS are letters of lrswipkxtea (see docs/operations.md); "" for none.

    \b
    mailsuite share set ann@example.org INBOX bob@example.org lrswite
    mailsuite share set ann@example.org INBOX bob@example.org ""
    """
    settings = settings_of(config)
    owner = account_name(address)
    user = who if who.removeprefix("-") == ANYONE else _account(who, config)
    if user.removeprefix("-") == owner:
        raise NotAllowed(f"{owner} has all rights on his mailboxes anyway")
    if unknown := set(rights) - set(RIGHTS) - VIRTUAL.keys():
        raise InvalidName(f"{min(unknown)!r} is no right; rights are letters of {RIGHTS}")
    maildir = _maildir(settings.paths.store, owner)
    name = checked_name(mailbox)
    folder = os.path.join(maildir, to_folder(name))
    if not os.path.isdir(folder):
        raise NotFound(f"{owner} has no mailbox {name}")
    act_as_owner(settings.paths.store)
    disk = RealDisk()
    shares = Shares(settings.paths.store, disk)
    shares.add(owner, user)
    access.write(disk, folder, access.changed(access.read(disk, folder), user, FlagOp.REPLACE, rights))
    shares.keep(owner, {each for held in _accesses(maildir).values() for each in held})
    click.echo(f"{user} may do {rights or 'nothing'} in {name} of {owner}")


def _account(who: str, config: str | None) -> str:
    """The canonical name of an account that is there.  Raises InvalidName, NotFound."""
    name = account_name(who)
    with open_records(config) as records:
        if not records.look.has_account(name):
            raise NotFound(f"there is no account {name}")
    return name


def _maildir(store: str, owner: str) -> str:
    path = os.path.join(store, account_path(owner), "Maildir")
    if not os.path.isdir(path):
        raise NotFound(f"{owner} has no mail here yet")
    return path


def _accesses(maildir: str) -> dict[str, dict[str, str]]:
    """Mailbox -> its access list, of those that have one."""
    disk = RealDisk()
    found = {name: access.read(disk, path) for name, path in _mailboxes(maildir)}
    return {name: held for name, held in found.items() if held}


def _mailboxes(maildir: str) -> Iterator[tuple[str, str]]:
    yield INBOX, maildir
    with os.scandir(maildir) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(InvalidName):
                    yield from_folder(entry.name), entry.path

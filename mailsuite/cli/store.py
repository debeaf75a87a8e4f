"""``mailsuite store verify``: whether each mailbox agrees with its index, in plain words."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

import click
import msgspec

from mailsuite.cli.instance import settings_of
from mailsuite.cli.options import config_option, json_option, show_json
from mailsuite.cli.queue_access import act_as_owner, recovered
from mailsuite.config.schema import Settings
from mailsuite.directory.names import account_name
from mailsuite.disk.real import RealDisk
from mailsuite.errors import NotFound
from mailsuite.interfaces import IDisk
from mailsuite.model import Account
from mailsuite.offload import Inline
from mailsuite.services.lock import FolderLock
from mailsuite.store.filename import Unique
from mailsuite.store.names import account_path, accounts_in
from mailsuite.store.repair import repair
from mailsuite.store.resources import Resources
from mailsuite.store.survey import Finding, Survey, Surveyor

#: Seconds until what was found is looked for again: a running server may have been in the middle of it.
AGAIN = 0.5


@click.group
def store() -> None:
    """The mail on disk.

    \b
    mailsuite store verify
    """


@store.command
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@click.option("--repair", "wanted", is_flag=True, help="Put right what can be; the server must be stopped.")
@click.option("--deep", is_flag=True, help="Read every message, to check the sizes that clients are told.")
@json_option
@config_option
def verify(accounts: tuple[str, ...], wanted: bool, deep: bool, as_json: bool, config: str | None) -> None:
    """Check the mailboxes of all accounts, or of those named, against their index.

    Only looks, and may do so while the server runs, unless --repair is given. The exit status is 1 if something was
    found and not repaired.

    \b
    mailsuite store verify
    mailsuite store verify --repair alice@example.org
    """
    settings = settings_of(config)
    total = Survey()
    with _disk(settings, wanted) as disk, _progress() as passed:
        for name in _chosen(settings.paths.store, accounts):
            survey = _verified(settings, disk, name, deep, wanted, passed)
            total.mailboxes += survey.mailboxes
            total.messages += survey.messages
            total.findings += survey.findings
    (_show_json if as_json else _show)(total)
    sys.exit(0 if all(finding.repaired for finding in total.findings) else 1)


@contextlib.contextmanager
def _disk(settings: Settings, wanted: bool) -> Iterator[IDisk]:
    """To repair, that of the server, which must not run, with its journal: what a crash left undone is in its place
    then, and what we do is whole if we are broken off.  Raises ConfigError."""
    if os.path.isdir(settings.paths.store):
        act_as_owner(settings.paths.store)
    lock = FolderLock(settings.paths.queue) if wanted else None
    try:
        if lock is None:
            yield RealDisk()
        else:
            with recovered(settings.paths.queue) as disk:
                yield disk
    finally:
        if lock is not None:
            lock.release()


def _chosen(root: str, accounts: tuple[str, ...]) -> list[str]:
    names = [account_name(account) for account in accounts]
    for name in names:
        if not os.path.isdir(os.path.join(root, account_path(name), "Maildir")):
            raise NotFound(f"there is no mail of {name}")
    return names or accounts_in(root)


def _verified(
    settings: Settings, disk: IDisk, name: str, deep: bool, wanted: bool, passed: Callable[[str, str, int], None]
) -> Survey:
    root = settings.paths.store

    def look() -> Survey:
        home = os.path.join(root, account_path(name))
        return Surveyor(disk, name, home, time.time(), deep, lambda box, count: passed(name, box, count)).survey()

    found = look()
    if found.findings and not wanted:
        time.sleep(AGAIN)
        again = look()
        lasting = {(finding.mailbox, finding.kind) for finding in found.findings}
        again.findings = [finding for finding in again.findings if (finding.mailbox, finding.kind) in lasting]
        return again
    if found.findings:
        resources = Resources(disk, Inline(), time.time, Unique(settings.hostname, os.getpid), Account)
        repair(root, name, resources, found.findings)
        left = look()
        stays = {(finding.mailbox, finding.kind) for finding in left.findings}
        done = [each for each in found.findings if (each.mailbox, each.kind) not in stays]
        left.findings = [*(msgspec.structs.replace(each, repaired=True) for each in done), *left.findings]
        return left
    return found


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, str, int], None]]:
    """A line on a terminal's standard error that says where we are."""
    if not sys.stderr.isatty():
        yield lambda account, mailbox, count: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import

    count = [0]
    with Console(stderr=True, markup=False, emoji=False).status("looking") as status:

        def passed(account: str, mailbox: str, messages: int) -> None:
            count[0] += messages
            status.update(f"{count[0]} messages, {account} {mailbox}")

        yield passed


def _show(total: Survey) -> None:
    for one in total.findings:
        where = f"{one.account}, {one.mailbox}" if one.mailbox else one.account
        click.echo(f"{where}: {one.text}{' (repaired)' if one.repaired else ''}")
    looked = f"{total.messages} messages in {total.mailboxes} mailboxes"
    if not total.findings:
        click.echo(f"{looked}: all is well")
        return
    repaired = sum(one.repaired for one in total.findings)
    click.echo(f"{looked}: {len(total.findings)} found, {repaired} repaired")


def _show_json(total: Survey) -> None:
    findings: list[Finding] = total.findings
    show_json(
        {
            "mailboxes": total.mailboxes,
            "messages": total.messages,
            "findings": [msgspec.to_builtins(finding) for finding in findings],
        }
    )

"""``mailsuite user add|list|remove|passwd``."""

from __future__ import annotations

import re

import click

from mailsuite.cli.instance import open_records
from mailsuite.cli.options import (
    asked_password,
    config_option,
    json_option,
    password_option,
    show_json,
    show_table,
)
from mailsuite.directory.names import account_name
from mailsuite.errors import InvalidName, NotFound

_SIZE = re.compile(r"(\d{1,15})\s*(?:([KMGT])(?:i?B)?)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@click.group
def user() -> None:
    """Accounts and their passwords. Changes count at once, also in a running server.

    \b
    mailsuite user add alice@example.org
    mailsuite user passwd alice@example.org
    """


@user.command("add")
@click.argument("address")
@click.option("--quota", metavar="SIZE", default="0", help="Room for mail, such as 500M or 2G; 0 is no limit.")
@click.option("--quota-messages", metavar="COUNT", type=click.IntRange(0), default=0, help="Messages; 0 is no limit.")
@password_option
@config_option
def add_user(address: str, quota: str, quota_messages: int, password_stdin: bool, config: str | None) -> None:
    """Add the account ADDRESS; asks for its password.

    \b
    mailsuite user add alice@example.org
    echo 'a good long password' | mailsuite user add bob@example.org --quota 2G --password-stdin
    """
    octets = parse_size(quota)
    with open_records(config) as records:
        name = account_name(address)
        domain = name.rpartition("@")[2]
        if not records.look.is_local(domain):  # before a person types a password in vain
            raise NotFound(f"there is no domain {domain} here; `mailsuite domain add {domain}` adds it")
        password = asked_password(password_stdin)
        click.echo(f"added {records.add_account(address, password, octets, quota_messages)}")


@user.command("list")
@click.option("--domain", metavar="NAME", default="", help="Only those of this domain.")
@json_option
@config_option
def list_users(domain: str, config: str | None, as_json: bool) -> None:
    """List the accounts.

    \b
    mailsuite user list --domain example.org
    """
    with open_records(config) as records:
        found = records.look.accounts(domain.lower())
    if as_json:
        show_json(
            [{"account": a.name, "quota_bytes": a.quota_bytes, "quota_messages": a.quota_messages} for a in found]
        )
        return
    rows = [[a.name, shown_size(a.quota_bytes), str(a.quota_messages or "-")] for a in found]
    show_table(("account", "quota", "messages"), rows, "there are no accounts; `mailsuite user add ADDRESS` adds one")


@user.command("remove")
@click.argument("address")
@config_option
def remove_user(address: str, config: str | None) -> None:
    """Remove the account ADDRESS. Its mail stays in the store folder.

    \b
    mailsuite user remove alice@example.org
    """
    with open_records(config) as records:
        name = records.remove_account(address)
        left = [alias.source for alias in records.look.aliases() if name in alias.targets]
    click.echo(f"removed {name}")
    if left:
        click.echo(f"these aliases still lead there: {', '.join(left)}", err=True)


@user.command("passwd")
@click.argument("address")
@password_option
@config_option
def set_password(address: str, password_stdin: bool, config: str | None) -> None:
    """Set the password of the account ADDRESS.

    \b
    mailsuite user passwd alice@example.org
    """
    with open_records(config) as records:
        name = account_name(address)
        if not records.look.has_account(name):
            raise NotFound(f"there is no account {name}")
        click.echo(f"changed the password of {records.set_password(name, asked_password(password_stdin))}")


def parse_size(text: str) -> int:
    """Octets of ``500M`` or ``2 GiB``.  Raises InvalidName."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InvalidName(f"{text!r} is not a size: a number, with K, M, G or T behind it if wanted")
    return int(found[1]) * _UNITS[(found[2] or "").upper()]


def shown_size(octets: int) -> str:
    """``2 GiB``; a dash for no limit."""
    if not octets:
        return "-"
    for unit in ("T", "G", "M", "K"):
        if octets % _UNITS[unit] == 0:
            return f"{octets // _UNITS[unit]} {unit}iB"
    return f"{octets} B"

"""``mailsuite user add|list|remove|passwd|quota``, and what ``cli.credentials`` and ``cli.pop3`` add."""

from __future__ import annotations

import contextlib
import os
import re
import shlex

import click

from mailsuite.cli.credentials import disable_user, enable_user, set_apop_secret, set_scram, show_user
from mailsuite.cli.instance import known_domain, open_records, settings_of
from mailsuite.cli.mail_folder import delete_mail, mail_folder, no_server
from mailsuite.cli.options import (
    asked_password,
    config_option,
    json_option,
    password_option,
    show_json,
    show_table,
)
from mailsuite.cli.pop3 import set_pop3
from mailsuite.directory.lookup import Stored
from mailsuite.directory.names import account_name
from mailsuite.errors import Exists, InvalidName, NotFound

_SIZE = re.compile(r"(\d{1,15})\s*(?:([KMGT])(?:i?B)?)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@click.group
def user() -> None:
    """Accounts and their passwords. Changes count at once, also in a running server.

    \b
    mailsuite user add alice@example.org
    mailsuite user passwd alice@example.org
    mailsuite user quota alice@example.org --bytes 2G
    """


for _command in (show_user, set_scram, set_apop_secret, set_pop3, disable_user, enable_user):
    user.add_command(_command)


@user.command("add")
@click.argument("address")
@click.option("--quota", metavar="SIZE", default="0", help="Room for mail, such as 500M or 2G; 0 is no limit.")
@click.option("--quota-messages", metavar="COUNT", type=click.IntRange(0), default=0, help="Messages; 0 is no limit.")
@click.option("--no-scram", is_flag=True, help="Keep no keys for SCRAM beside the password's hash.")
@click.option("--keep-mail", is_flag=True, help="Give it the mail that an earlier account of that name left.")
@password_option
@config_option
def add_user(
    address: str,
    quota: str,
    quota_messages: int,
    no_scram: bool,
    keep_mail: bool,
    password_stdin: bool,
    config: str | None,
) -> None:
    """Add the account ADDRESS; asks for its password.

    Refused while mail of an earlier account of that name is there, unless --keep-mail gives it to the new one.

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
        folder = mail_folder(settings_of(config).paths, name)
        old = os.path.lexists(folder) and not records.look.has_account(name)
        if old and not keep_mail:
            raise Exists(
                f"{folder} holds mail of an earlier {name}: --keep-mail gives it to the new account, "
                f"`rm -r {shlex.quote(folder)}` deletes it"
            )
        password = asked_password(password_stdin)
        added = records.add_account(address, password, octets, quota_messages, keep_scram=not no_scram)
        click.echo(f"added {added}, with the mail in {folder}" if old else f"added {added}")


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
        found = records.look.all_stored(known_domain(records, domain))
    if as_json:
        show_json([_told(stored) for stored in found])
        return
    rows = [_row(stored) for stored in found]
    columns = ("account", "quota", "messages", "login")
    show_table(columns, rows, "there are no accounts; `mailsuite user add ADDRESS` adds one")


def _row(stored: Stored) -> list[str]:
    own = stored.account
    login = "disabled" if stored.disabled else "yes"
    return [own.name, shown_size(own.quota_bytes), str(own.quota_messages or "-"), login]


def _told(stored: Stored) -> dict[str, object]:
    own = stored.account
    return {
        "account": own.name,
        "quota_bytes": own.quota_bytes,
        "quota_messages": own.quota_messages,
        "disabled": stored.disabled,
    }


@user.command("remove")
@click.argument("address")
@click.option("--delete-mail", "with_mail", is_flag=True, help="Its mail too, for good; the server must not run.")
@click.option("--yes", is_flag=True, help="Do not ask before mail is deleted.")
@config_option
def remove_user(address: str, with_mail: bool, yes: bool, config: str | None) -> None:
    """Remove the account ADDRESS. Its mail stays on disk unless --delete-mail is given.

    \b
    mailsuite user remove alice@example.org
    mailsuite user remove alice@example.org --delete-mail
    """
    paths = settings_of(config).paths
    with open_records(config) as records, no_server(paths) if with_mail else contextlib.nullcontext():
        name = account_name(address)
        folder = mail_folder(paths, name)
        if with_mail and not yes and records.look.has_account(name):
            click.confirm(f"Delete {name} and all mail in {folder}?", abort=True)
        records.remove_account(name)
        if with_mail:
            delete_mail(folder)
        left = [alias.source for alias in records.look.aliases() if name in alias.targets]
    click.echo(f"removed {name}{' and its mail' if with_mail else ''}")
    if os.path.lexists(folder):
        click.echo(f"its mail stays in {folder}; delete it with: rm -r {shlex.quote(folder)}")
    if left:
        click.echo(f"these aliases still lead there: {', '.join(left)}", err=True)


@user.command("passwd")
@click.argument("address")
@password_option
@config_option
def set_password(address: str, password_stdin: bool, config: str | None) -> None:
    """Set the password of the account ADDRESS. Sessions that logged in with another end within seconds.

    \b
    mailsuite user passwd alice@example.org
    """
    with open_records(config) as records:
        name = account_name(address)
        if not records.look.has_account(name):
            raise NotFound(f"there is no account {name}")
        click.echo(f"changed the password of {records.set_password(name, asked_password(password_stdin))}")


@user.command("quota")
@click.argument("address")
@click.option("--bytes", "size", metavar="SIZE", help="Room for mail, such as 500M or 2G; 0 is no limit.")
@click.option("--messages", metavar="COUNT", type=click.IntRange(0), help="Messages; 0 is no limit.")
@config_option
def set_quota(address: str, size: str | None, messages: int | None, config: str | None) -> None:
    """Set or show the quota of ADDRESS. What is not given stays.

    \b
    mailsuite user quota alice@example.org --bytes 1G --messages 10000
    """
    octets = parse_size(size) if size is not None else None
    with open_records(config) as records:
        account = records.set_quota(address, octets, messages)
    count = account.quota_messages or "no limit"
    click.echo(f"{account.name}: {shown_size(account.quota_bytes, 'no limit')}, messages: {count}")


def parse_size(text: str) -> int:
    """Octets of ``500M`` or ``2 GiB``.  Raises InvalidName."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InvalidName(f"{text!r} is not a size: a number, with K, M, G or T behind it if wanted")
    return int(found[1]) * _UNITS[(found[2] or "").upper()]


def shown_size(octets: int, unlimited: str = "-") -> str:
    """``2 GiB``; ``unlimited`` for 0."""
    if not octets:
        return unlimited
    for unit in ("T", "G", "M", "K"):
        if octets % _UNITS[unit] == 0:
            return f"{octets // _UNITS[unit]} {unit}iB"
    return f"{octets} B"

"""``mailsuite explain``: what would happen to an envelope now, and which rule, file and line would decide."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import sys
import tempfile

import click
import msgspec
from msgspec.structs import replace
from twisted.internet import task

from mailsuite.cli.explain_table import lines_of
from mailsuite.cli.instance import find_config
from mailsuite.cli.options import config_option, json_option, show_json
from mailsuite.cli.running import Running, connect
from mailsuite.config.interfaces import own_interfaces
from mailsuite.config.load import load
from mailsuite.config.locate import lines
from mailsuite.config.schema import Settings
from mailsuite.directory.quotas import Quotas
from mailsuite.directory.sqlite import SQLiteDirectory
from mailsuite.errors import InvalidName, MailError
from mailsuite.interfaces import IResolver
from mailsuite.model import NULL_SENDER, Address, Quota
from mailsuite.net.control import Usage as AskUsage
from mailsuite.offload import Inline
from mailsuite.queue.file import Places
from mailsuite.routing.security import PolicyOf
from mailsuite.services import relay
from mailsuite.services.explain import Explainer
from mailsuite.services.explained import Asked, Rules, Step, Usage
from mailsuite.services.mta_sts import MtaSts
from mailsuite.services.parts import directory_settings
from mailsuite.smtp.address import AddressError, parse_mailbox

#: Somebody elsewhere (RFC 5737).
STRANGER = "192.0.2.1"


@click.command
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="The envelope's sender; <> for none.")
@click.option("--to", "recipients", required=True, multiple=True, metavar="ADDRESS", help="A recipient; repeat it.")
@click.option("--client", default=STRANGER, show_default=True, metavar="IP", help="Who brings it.")
@click.option("--auth", "login", default="", metavar="USER", help="Who has logged in.")
@click.option(
    "--service",
    type=click.Choice(("smtp", "submission", "lmtp")),
    help="The kind of port.  [default: submission with --auth, else smtp]",
)
@click.option("--size", default=0, type=click.IntRange(0), metavar="OCTETS", help="The message's size.")
@json_option
@config_option
def explain(
    config: str | None,
    sender: str,
    recipients: tuple[str, ...],
    client: str,
    login: str,
    service: str | None,
    size: int,
    as_json: bool,
) -> None:
    """Say what would happen to this envelope now, check by check, and who decides it. Nothing is sent.

    Each step names the rule, with file and line where it stands in the configuration. DNS is asked as for real mail.

    \b
    mailsuite explain --from ann@example.org --to bob@example.net --client 198.51.100.7
    mailsuite explain --from ann@example.org --to bob@example.net --auth ann@example.org
    """
    path = os.path.abspath(find_config(config))
    asked = Asked(
        _sender(sender),
        tuple(map(_address, recipients)),
        _client(client),
        login,
        service or ("submission" if login else "smtp"),
        size,
    )
    steps = _explained(path, load(path), asked)
    if as_json:
        show_json({"asked": msgspec.to_builtins(asked), "steps": msgspec.to_builtins(steps)})
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    click.echo("\n".join(lines_of(steps, width, os.path.dirname(path))))
    if _is_changed(path, load(path)):
        click.echo("The server runs since before the configuration was changed, and goes by the older one.", err=True)


def _explained(path: str, settings: Settings, asked: Asked) -> list[Step]:
    """Runs the reactor: once in a process."""
    found: list[Step] = []
    failed: list[Exception] = []

    async def work(reactor: object) -> None:
        with tempfile.TemporaryDirectory() as folder:  # the server's own is the server's to write
            _take_over(settings.relay.mta_sts_folder, folder)
            resolver = relay.resolver(settings, reactor)
            own = replace(settings, relay=replace(settings.relay, mta_sts_folder=folder))
            policies = MtaSts(own, resolver, reactor, Inline())
            try:
                await policies.open()
                found.extend(await _explainer(path, settings, reactor, resolver, policies.policy_of).explain(asked))
            except Exception as error:
                failed.append(error)
            finally:
                policies.close()

    with contextlib.suppress(SystemExit):
        task.react(work)
    if failed:
        raise failed[0]
    return found


def _take_over(known: str, folder: str) -> None:
    """Policies of other domains, which hold although their domains may not be asked now; none if we may not look."""
    with contextlib.suppress(OSError):
        shutil.copytree(known, folder, dirs_exist_ok=True)


def _explainer(path: str, settings: Settings, reactor: object, resolver: IResolver, policy_of: PolicyOf) -> Explainer:
    with open(path, encoding="utf-8") as file:
        rules = Rules(path, lines(file.read()))
    directory = SQLiteDirectory(settings.paths.directory, Inline(), reactor, directory_settings(settings))  # type: ignore[arg-type]
    limits = Quotas(settings.paths.directory)

    async def usage(account: str) -> Usage:
        known = _asked_server(settings, account)
        if known is None:
            return Usage(limits(account))
        return Usage(limits(account), known.octets, known.messages, known=True)

    return Explainer(
        *(settings, rules, directory, resolver, own_interfaces(), usage, reactor),  # type: ignore[arg-type]
        policy_of=policy_of,
    )


def _asked_server(settings: Settings, account: str) -> Quota | None:
    """What an account keeps, if a server runs that can be asked."""
    try:
        connection = connect(Places(settings.paths.queue).control)
        if connection is None:
            return None
        with connection:
            return msgspec.convert(Running(connection).ask(AskUsage(account)), Quota)
    except (OSError, MailError):
        return None


def _is_changed(path: str, settings: Settings) -> bool:
    """Since the server that runs was started."""
    control = Places(settings.paths.queue).control
    connection = connect(control) if os.path.exists(control) else None
    if connection is None:
        return False
    with connection:
        return os.stat(path).st_mtime > os.stat(control).st_mtime


def _sender(text: str) -> Address:
    return NULL_SENDER if text in ("", "<>") else _address(text)


def _address(text: str) -> Address:
    if text.lower() == "postmaster":
        return Address("postmaster", "")
    try:
        return parse_mailbox(text)
    except AddressError as error:
        raise InvalidName(f"{text}: {error}") from None


def _client(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise InvalidName(f"--client {text}: not an IP address") from None

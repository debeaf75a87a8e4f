"""``mailsuite show``: the ports of an instance, its accounts, and a line to try."""

from __future__ import annotations

import os
import shlex

import click

from mailsuite.cli.create import AUTHORITY, DEMO_PASSWORD
from mailsuite.cli.instance import find_config, open_records
from mailsuite.cli.options import config_option, json_option, show_json, show_table
from mailsuite.config.load import load
from mailsuite.config.option import TlsMode
from mailsuite.config.schema import Listener, Service, Settings
from mailsuite.directory.passwords import verify_password

_TLS = {TlsMode.NONE: "none", TlsMode.STARTTLS: "STARTTLS", TlsMode.IMPLICIT: "from the start"}


@click.command
@json_option
@config_option
def show(config: str | None, as_json: bool) -> None:
    """Show the ports of an instance, its accounts, and a line to try. The password of a demo is shown too.

    \b
    mailsuite show --config var/mailsuite.toml
    """
    path = find_config(config)
    account, password = _demo_account(path)
    if as_json:
        settings = load(path)
        ports = [
            {"service": one.service.value, "address": one.address, "port": one.port, "tls": one.tls.value}
            for one in settings.listeners
        ]
        show_json({"hostname": settings.hostname, "ports": ports, "account": account, "password": password})
    else:
        show_instance(path, account, password)


def show_instance(path: str, account: str, password: str) -> None:
    """For a person.  ``account`` and ``password`` are empty where they are not known."""
    settings = load(path)
    rows = [
        [one.service.value, one.address, str(one.port or ""), _TLS[one.tls], _login(one)] for one in settings.listeners
    ]
    show_table(("service", "address", "port", "TLS", "login"), rows, "no ports")
    if account:
        click.echo(f"account      {account}")
        click.echo(f"password     {password or '(the one you gave)'}")
    authority = os.path.join(os.path.dirname(path), AUTHORITY)
    if os.path.exists(authority):
        click.echo(f"trust        {authority}   (the certificate's authority, for your mail client)")
    click.echo(f"start        twistd -n mailsuite --config {shlex.quote(path)}")
    for title, line in _tries(settings, account, password):
        click.echo(f"{title:<12} {line}")


def _login(listener: Listener) -> str:
    if listener.service in (Service.SMTP, Service.LMTP):
        return "not needed"
    return "also without TLS" if listener.allow_plaintext_login else "under TLS"


def _tries(settings: Settings, account: str, password: str) -> list[tuple[str, str]]:
    """Lines to copy: send a message, fetch it."""
    smtp = _plain(settings, Service.SMTP)
    imap = _plain(settings, Service.IMAP)
    if not account or smtp is None or imap is None:
        return []
    login = shlex.quote(f"{account}:{password or 'PASSWORD'}")
    mail = r"printf 'From: me@example.org\r\nSubject: hello\r\n\r\nIt works.\r\n'"
    return [
        ("try: send", f"{mail} | curl smtp://{smtp} --mail-from me@example.org --mail-rcpt {account} -T -"),
        ("try: read", f"curl 'imap://{imap}/INBOX;MAILINDEX=1' -u {login}"),
    ]


def _plain(settings: Settings, service: Service) -> str | None:
    """``address:port`` of a service where curl needs no certificate."""
    for one in settings.listeners:
        usable = one.tls is not TlsMode.IMPLICIT and (service is Service.SMTP or one.allow_plaintext_login)
        if one.service is service and usable and one.port:
            return f"{one.address}:{one.port}"
    return None


def _demo_account(path: str) -> tuple[str, str]:
    """The account of a demo that made up its password, while that is still the one."""
    file = os.path.join(os.path.dirname(path), DEMO_PASSWORD)
    if not os.path.exists(file):
        return "", ""
    with open(file, encoding="utf-8") as opened:
        account, password = (*opened.read().split(), "", "")[:2]
    with open_records(path) as records:
        stored = records.look.stored(account)
    return (account, password) if stored and verify_password(stored.password, password) else ("", "")

"""``mailsuite domain add|list|remove``."""

from __future__ import annotations

import click

from mailsuite.cli.instance import open_records
from mailsuite.cli.options import config_option, json_option, show_json, show_table


@click.group
def domain() -> None:
    """Domains that mail is received for. Changes count at once, also in a running server.

    \b
    mailsuite domain add example.org
    mailsuite domain list --json
    """


@domain.command("add")
@click.argument("name")
@config_option
def add_domain(name: str, config: str | None) -> None:
    """Receive mail for the domain NAME.

    \b
    mailsuite domain add example.org
    """
    with open_records(config) as records:
        click.echo(f"added {records.add_domain(name)}")


@domain.command("list")
@json_option
@config_option
def list_domains(config: str | None, as_json: bool) -> None:
    """List the domains with their numbers of accounts and aliases.

    \b
    mailsuite domain list
    """
    with open_records(config) as records:
        found = [
            {"domain": name, "accounts": len(records.look.accounts(name)), "aliases": len(records.look.aliases(name))}
            for name in records.look.domains()
        ]
    if as_json:
        show_json(found)
        return
    rows = [[str(row["domain"]), str(row["accounts"]), str(row["aliases"])] for row in found]
    show_table(("domain", "accounts", "aliases"), rows, "there are no domains; `mailsuite domain add NAME` adds one")


@domain.command("remove")
@click.argument("name")
@config_option
def remove_domain(name: str, config: str | None) -> None:
    """Receive no more mail for the domain NAME.

    It must have no accounts and aliases left.

    \b
    mailsuite domain remove example.org
    """
    with open_records(config) as records:
        click.echo(f"removed {records.remove_domain(name)}")

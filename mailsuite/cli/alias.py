"""``mailsuite alias add|list|remove``."""

from __future__ import annotations

import click

from mailsuite.cli.instance import known_domain, open_records
from mailsuite.cli.options import config_option, json_option, show_json, show_table


@click.group
def alias() -> None:
    """Addresses that lead to others. Changes count at once, also in a running server.

    \b
    mailsuite alias add sales@example.org alice@example.org partner@example.net
    mailsuite alias add @example.org alice@example.org       (everything else in the domain)
    """


@alias.command("add")
@click.argument("source")
@click.argument("targets", nargs=-1, required=True)
@config_option
def add_alias(source: str, targets: tuple[str, ...], config: str | None) -> None:
    """Lead SOURCE to the TARGETS, besides those it leads to already.

    SOURCE is an address of a domain here, or @DOMAIN for every address of it that does not exist. TARGETS are addresses
    here or elsewhere. An account that shall keep its mail when it is an alias too is named as a target itself.

    \b
    mailsuite alias add sales@example.org alice@example.org bob@example.org
    mailsuite alias add alice@example.org alice@example.org archive@example.net
    """
    with open_records(config) as records:
        made = records.add_alias(source, targets)
    click.echo(f"{made.source} leads to {', '.join(made.targets)}")


@alias.command("list")
@click.option("--domain", metavar="NAME", default="", help="Only those of this domain.")
@json_option
@config_option
def list_aliases(domain: str, config: str | None, as_json: bool) -> None:
    """List the aliases.

    \b
    mailsuite alias list --json
    """
    with open_records(config) as records:
        found = records.look.aliases(known_domain(records, domain))
    if as_json:
        show_json([{"alias": one.source, "targets": list(one.targets)} for one in found])
        return
    rows = [[one.source, ", ".join(one.targets)] for one in found]
    show_table(("alias", "leads to"), rows, "there are no aliases; `mailsuite alias add SOURCE TARGET` adds one")


@alias.command("remove")
@click.argument("source")
@click.argument("targets", nargs=-1)
@config_option
def remove_alias(source: str, targets: tuple[str, ...], config: str | None) -> None:
    """Remove the alias SOURCE, or only these TARGETS of it.

    \b
    mailsuite alias remove sales@example.org
    mailsuite alias remove sales@example.org bob@example.org
    """
    with open_records(config) as records:
        name = records.remove_alias(source, targets)
    click.echo(f"{name} no longer leads to {', '.join(targets)}" if targets else f"removed {name}")

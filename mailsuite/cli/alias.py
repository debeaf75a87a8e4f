"""``mailsuite alias add|import|list|remove``."""

from __future__ import annotations

import os

import click

from mailsuite.cli.alias_import import read_text, take_over
from mailsuite.cli.instance import known_domain, open_records
from mailsuite.cli.options import config_option, json_option, show_json, show_table
from mailsuite.directory.aliases_file import AliasesFile
from mailsuite.errors import NotAllowed


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


@alias.command("import")
@click.argument("file", type=click.Path(dir_okay=False), default="/etc/aliases")
@click.option("--domain", metavar="NAME", default="", help="Domain of names without one; else the default domain.")
@click.option("--skip", is_flag=True, help="Leave out what cannot be taken over, and take the rest.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@config_option
def import_aliases(file: str, domain: str, skip: bool, dry_run: bool, config: str | None) -> None:
    """Take over an aliases file of sendmail, Postfix or Exim.

    Each alias then leads to exactly what FILE says; other aliases stay. `:include:` files are read now: import again
    when they have changed. Commands (`|program`) and files (`/path`) are refused, each with its line, and nothing is
    changed then.

    \b
    mailsuite alias import /etc/aliases --domain example.org
    mailsuite alias import /etc/aliases --domain example.org --skip
    """
    with open_records(config) as records:
        name = known_domain(records, domain) or records.look.default_domain()
        found = AliasesFile(name, read_text)
        found.read(os.path.abspath(file))
        taken, faults = take_over(records, found, skip, dry_run)
    for fault in faults:
        click.echo(str(fault), err=True)
    if faults and not skip:
        raise NotAllowed(
            f"nothing was changed: {len(faults)} fault(s) in {file}; mend them, or leave them out with --skip"
        )
    click.echo(f"{'would take over' if dry_run else 'took over'} {taken} alias(es) from {file}")


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

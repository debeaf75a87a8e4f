"""``mailsuite user show|scram|apop-secret|disable|enable``: how an account can log in."""

from __future__ import annotations

import click

from mailsuite.cli.instance import open_records
from mailsuite.cli.options import asked_password, config_option, json_option, password_option, show_json
from mailsuite.cli.pop3 import shown_rules, told_rules
from mailsuite.directory.lookup import Stored
from mailsuite.directory.scram import parse_keys


@click.command("show")
@click.argument("address")
@json_option
@config_option
def show_user(address: str, config: str | None, as_json: bool) -> None:
    """Show how ADDRESS can log in, and its POP3 rules. What a port offers of it is in the configuration.

    \b
    mailsuite user show alice@example.org
    """
    with open_records(config) as records:
        stored = records.stored(address)
    if as_json:
        show_json(
            {
                "account": stored.account.name,
                "disabled": stored.disabled,
                "mechanisms": list(mechanisms(stored)),
                "scram_at_next_login": not stored.scram and stored.keep_scram,
                "pop3": told_rules(stored.account.pop3),
            }
        )
        return
    names = mechanisms(stored)
    click.echo(f"{stored.account.name}: {', '.join(names) or 'disabled: nobody can log in'}")
    if names and not stored.scram:
        click.echo(
            "SCRAM: from the next login with the password on" if stored.keep_scram else "SCRAM: no keys are kept"
        )
    if names and stored.scram:
        click.echo(f"SCRAM: {parse_keys(stored.scram, stored.account).iterations} iterations")
    click.echo(f"POP3: {shown_rules(stored.account.pop3)}")


@click.command("scram")
@click.argument("address")
@click.argument("keys", type=click.Choice(["keep", "forget"]))
@config_option
def set_scram(address: str, keys: str, config: str | None) -> None:
    """Keep or forget SCRAM keys of ADDRESS.

    With keys the password need not be sent; but who steals the directory can try passwords on them faster than on the
    hash. They are made when the password is set, or at the next login with it.

    \b
    mailsuite user scram alice@example.org forget
    """
    with open_records(config) as records:
        name = records.keep_scram(address, keys == "keep")
    click.echo(f"{name}: SCRAM keys are {'kept' if keys == 'keep' else 'forgotten, and none are kept'}")


@click.command("apop-secret")
@click.argument("address")
@click.option("--remove", is_flag=True, help="Keep no secret: no APOP.")
@password_option
@config_option
def set_apop_secret(address: str, remove: bool, password_stdin: bool, config: str | None) -> None:
    """Keep a secret for APOP of ADDRESS.

    Asks for it. APOP is POP3's (RFC 1939). The secret lies in the directory readable, since APOP cannot do without; so
    it must be another than the password. For old clients only: under TLS every other way is better.

    \b
    mailsuite user apop-secret alice@example.org
    mailsuite user apop-secret alice@example.org --remove
    """
    with open_records(config) as records:
        records.stored(address)  # before a person types in vain
        name = records.set_apop_secret(address, "" if remove else asked_password(password_stdin))
    click.echo(f"{name}: the APOP secret is {'gone' if remove else 'set'}")


@click.command("disable")
@click.argument("address")
@config_option
def disable_user(address: str, config: str | None) -> None:
    """Let nobody log in to ADDRESS.

    Open sessions end within seconds; mail still comes.

    \b
    mailsuite user disable alice@example.org
    """
    with open_records(config) as records:
        click.echo(f"disabled {records.disable(address, True)}")


@click.command("enable")
@click.argument("address")
@config_option
def enable_user(address: str, config: str | None) -> None:
    """Let the owner of ADDRESS log in again.

    \b
    mailsuite user enable alice@example.org
    """
    with open_records(config) as records:
        click.echo(f"enabled {records.disable(address, False)}")


def mechanisms(stored: Stored) -> tuple[str, ...]:
    """What an account can log in with, if a port offers it; none if it is disabled."""
    if stored.disabled:
        return ()
    scram = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256") if stored.scram else ()
    return ("EXTERNAL", *scram, "PLAIN", "LOGIN", *(("APOP",) if stored.apop else ()))

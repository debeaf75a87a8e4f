"""``mailsuite user pop3``: what POP3 asks of one account."""

from __future__ import annotations

import click
import msgspec

from mailsuite.cli.instance import open_records
from mailsuite.cli.options import config_option
from mailsuite.model import Pop3Rules


@click.command("pop3")
@click.argument("address")
@click.option(
    "--login-delay", metavar="SECONDS", type=click.IntRange(0, 86_400), help="Time between two logins; 0 is none."
)
@click.option(
    "--expire-days",
    metavar="DAYS",
    type=click.IntRange(-1, 36_500),
    help="Age at which messages go at QUIT; 0: those that were fetched; -1: never.",
)
@click.option("--as-server", is_flag=True, help="What is not given is as `[pop3]` has it; without, it stays.")
@config_option
def set_pop3(
    address: str, login_delay: int | None, expire_days: int | None, as_server: bool, config: str | None
) -> None:
    """Set or show the POP3 rules of ADDRESS.

    They say how often it may log in, and for how long its mail stays.

    They count from the next login on.

    \b
    mailsuite user pop3 alice@example.org --login-delay 60 --expire-days 30
    mailsuite user pop3 alice@example.org --as-server
    """
    with open_records(config) as records:
        stored = records.stored(address).account
        before = Pop3Rules() if as_server else stored.pop3
        rules = Pop3Rules(
            before.login_delay if login_delay is None else login_delay,
            before.expire_days if expire_days is None else expire_days,
        )
        if rules != stored.pop3:
            records.set_pop3(address, rules)
    click.echo(f"{stored.name}: {shown_rules(rules)}")


def shown_rules(rules: Pop3Rules) -> str:
    """For people."""
    delay = "the server's" if rules.login_delay is msgspec.UNSET else f"{rules.login_delay} s"
    match rules.expire_days:
        case msgspec.UNSET:
            stay = "the server's"
        case -1:
            stay = "for good"
        case 0:
            stay = "until fetched"
        case days:
            stay = f"{days} days"
    return f"login delay: {delay}, mail stays: {stay}"


def told_rules(rules: Pop3Rules) -> dict[str, int | None]:
    """For programs; null is as the server has it."""
    return {
        "login_delay": None if rules.login_delay is msgspec.UNSET else rules.login_delay,
        "expire_days": None if rules.expire_days is msgspec.UNSET else rules.expire_days,
    }

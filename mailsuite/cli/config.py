"""``mailsuite config check|print``."""

from __future__ import annotations

import click
import msgspec

from mailsuite.cli.instance import find_config
from mailsuite.cli.options import config_option, json_option, show_json
from mailsuite.config.load import load
from mailsuite.config.sample import render, sample


@click.group
def config() -> None:
    """Check and print configuration files.

    \b
    mailsuite config check /etc/mailsuite/mailsuite.toml
    mailsuite config print --sample
    """


@config.command("check")
@click.argument("file", required=False)
@config_option
def check_config(file: str | None, config: str | None) -> None:
    """Check FILE as the server does at its start.

    Exit status 1 and one line if it cannot be used; what can be used and is dangerous is a warning.

    \b
    mailsuite config check /etc/mailsuite/mailsuite.toml
    """
    from mailsuite.config.check import check, warnings  # noqa: PLC0415 - imports OpenSSL

    path = find_config(file or config)
    settings = load(path)
    check(settings, path)
    for line in warnings(settings):
        click.echo(f"warning: {line}", err=True)
    click.echo(f"{path}: good")


@config.command("print")
@click.argument("file", required=False)
@click.option("--sample", "as_sample", is_flag=True, help="Print the sample file, every option explained.")
@json_option
@config_option
def print_config(file: str | None, config: str | None, as_sample: bool, as_json: bool) -> None:
    """Print what FILE amounts to: every option, paths absolute.

    \b
    mailsuite config print --json
    mailsuite config print --sample > mailsuite.toml
    """
    if as_sample:
        click.echo(sample(), nl=False)
        return
    settings = load(find_config(file or config))
    if as_json:
        show_json(msgspec.to_builtins(settings))
    else:
        click.echo(render(settings, everything=True, explained=False), nl=False)

"""``mailsuite init``: a new instance."""

from __future__ import annotations

import os
import shlex

import click

from mailsuite.cli.create import Demo, create_instance, demo_settings, public_settings, random_password
from mailsuite.cli.options import asked_password, password_option
from mailsuite.cli.show import show_instance
from mailsuite.directory.names import canonical_domain


@click.command
@click.argument("folder", metavar="DIR")
@click.option("--domain", metavar="NAME", help="First domain that mail is received for. [demo: demo.test]")
@click.option("--hostname", metavar="NAME", help="Name of this server. [default: mail.DOMAIN]")
@click.option("--demo", is_flag=True, help="For one machine: loopback, high ports, login without TLS, one account.")
@click.option("--port-base", metavar="NUMBER", type=int, help="Demo: added to each standard port. [default: 2000]")
@click.option("--account", metavar="NAME", help="Demo: name of the account. [default: demo]")
@password_option
def init(
    folder: str,
    domain: str | None,
    hostname: str | None,
    demo: bool,
    port_base: int | None,
    account: str | None,
    password_stdin: bool,
) -> None:
    """Make a new instance in the folder DIR: configuration, directory, store, queue and a certificate.

    Nothing that exists is overwritten. The certificate is signed by an authority made for it alone (DIR/ca.pem); put
    one that the world believes in its place before others are to use the server.

    \b
    mailsuite init /var/lib/mailsuite --domain example.org
    mailsuite init var --demo
    echo secret | mailsuite init var --demo --account me --port-base 10000 --password-stdin
    """
    if domain is not None:
        canonical_domain(domain)  # before a host name is made of it that nobody typed
    if demo:
        domain = domain or "demo.test"
        plan = _demo(f"{account or 'demo'}@{domain}", 2000 if port_base is None else port_base, password_stdin)
        settings = demo_settings(hostname or f"mail.{domain}", plan.port_base)
        show_instance(
            create_instance(folder, domain, settings, plan), plan.account, plan.password if plan.made_up else ""
        )
        return
    if port_base is not None or account is not None or password_stdin:
        raise click.UsageError("--port-base, --account and --password-stdin belong to --demo")
    if domain is None:
        raise click.UsageError("--domain NAME is needed (or --demo)")
    config = create_instance(folder, domain, public_settings(hostname or f"mail.{domain}"))
    click.echo(f"made {os.path.join(folder, '')}; next:")
    click.echo(f"  mailsuite user add NAME@{domain} --config {shlex.quote(config)}")
    click.echo(f"  twistd -n mailsuite --config {shlex.quote(config)}")


def _demo(account: str, port_base: int, password_stdin: bool) -> Demo:
    if password_stdin:
        return Demo(account, asked_password(from_stdin=True), made_up=False, port_base=port_base)
    return Demo(account, random_password(), made_up=True, port_base=port_base)

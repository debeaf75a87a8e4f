"""``mailsuite sendmail``: the options of sendmail(8), and the links by which other programs find it."""

from __future__ import annotations

import os
import shutil
import sys

import click

from mailsuite.cli.instance import find_config
from mailsuite.config.load import load
from mailsuite.errors import Exists, NotAllowed, NotFound
from mailsuite.sendmail import program
from mailsuite.sendmail.site import LINK

#: Link -> where it is wanted, below the root.
_LINKS = ("usr/sbin/sendmail", "usr/lib/sendmail", "usr/bin/mailq", "usr/bin/newaliases")
_KEPT = ".before-mailsuite"


class _Raw(click.Command):
    """Passes all words on as they are; click would take ``--`` for itself."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.params["words"] = tuple(args)
        return []


@click.command(cls=_Raw, add_help_option=False)
def sendmail(words: tuple[str, ...]) -> None:
    """Send a message from standard input, as sendmail(8) does; see `mailsuite sendmail --help`."""
    if words[:1] == ("--install",):
        install(words[1:], "mailsuite sendmail --install", standalone_mode=False)
        return
    sys.exit(program.main(words))


@click.command
@click.option("--config", metavar="FILE", help="Configuration of the server that mail is to go to.")
@click.option("--root", default="/", metavar="DIR", help="Make the links below DIR (for packages).  [default: /]")
@click.option("--force", is_flag=True, help=f"What is there already is renamed to NAME{_KEPT}.")
@click.option("--remove", is_flag=True, help="Take the links away, and put back what was there before.")
def install(config: str | None, root: str, force: bool, remove: bool) -> None:
    """Make the links sendmail, mailq and newaliases, and one to the folder that the server shares with its users.

    \b
    mailsuite sendmail --install --config /etc/mailsuite/mailsuite.toml
    mailsuite sendmail --install --remove
    """
    links = [os.path.join(root, name) for name in _LINKS]
    shared = os.path.join(root, LINK.lstrip("/"))
    if remove:
        for link in (*links, shared):
            _remove(link)
        return
    target = os.path.abspath(shutil.which(sys.argv[0]) or sys.argv[0])
    if os.path.basename(target) != "mailsuite":
        raise NotFound(f"the program mailsuite is not known: this is {target}")
    folder = load(find_config(config)).sendmail.folder
    if not folder:
        raise NotAllowed("sendmail.folder is empty: the server takes no mail by sendmail")
    wanted = {**dict.fromkeys(links, target), shared: folder}
    taken = [link for link, to in wanted.items() if os.path.lexists(link) and not _leads(link, to)]
    if taken and not force:
        raise Exists(f"{', '.join(taken)}: there already; --force renames what is there to NAME{_KEPT}")
    for link, to in wanted.items():
        _make(link, to)
    _warn(folder)


def _make(link: str, to: str) -> None:
    if _leads(link, to):
        return
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if os.path.lexists(link):
        os.replace(link, link + _KEPT)
    os.symlink(to, link)
    click.echo(f"{link} -> {to}")


def _remove(link: str) -> None:
    """Only what we made."""
    if os.path.islink(link) and (os.path.basename(os.readlink(link)) == "mailsuite" or link.endswith(LINK)):
        os.unlink(link)
        click.echo(f"removed {link}")
        if os.path.lexists(link + _KEPT):
            os.replace(link + _KEPT, link)


def _leads(link: str, to: str) -> bool:
    return os.path.islink(link) and os.readlink(link) == to


def _warn(folder: str) -> None:
    """Folders above that other users cannot pass."""
    above = os.path.dirname(folder)
    while above != os.path.dirname(above):
        if os.path.isdir(above) and not os.stat(above).st_mode & 0o001:
            click.echo(
                f"only its owner can pass {above}: chmod o+x {above}, or set sendmail.folder elsewhere", err=True
            )
        above = os.path.dirname(above)

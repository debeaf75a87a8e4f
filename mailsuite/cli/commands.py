"""``mailsuite``: the commands, and what an error looks like."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import IO, Any

import click

from mailsuite import errors
from mailsuite.cli.options import quoted, visible

#: Command -> (module, name in it, what it does).
COMMANDS = {
    "init": ("mailsuite.cli.init", "init", "Make a new instance: its folder, configuration, directory, certificate."),
    "show": ("mailsuite.cli.show", "show", "Show the ports of an instance and how to reach them."),
    "domain": ("mailsuite.cli.domain", "domain", "Domains that mail is received for."),
    "user": ("mailsuite.cli.user", "user", "Accounts and their passwords."),
    "alias": ("mailsuite.cli.alias", "alias", "Addresses that lead to others."),
    "queue": ("mailsuite.cli.queue", "queue", "Mail that waits for other servers."),
    "track": ("mailsuite.cli.track", "track", "What became of a message, from its arrival until it is expunged."),
    "explain": ("mailsuite.cli.explain", "explain", "What would happen to an envelope, and which rule decides."),
    "sessions": ("mailsuite.cli.sessions", "sessions", "Who is connected to the running server; limits that were met."),
    "sendmail": ("mailsuite.cli.sendmail", "sendmail", "Send a message as programs do; mailq and newaliases."),
    "share": ("mailsuite.cli.share", "share", "Mailboxes that users share with each other."),
    "store": ("mailsuite.cli.store", "store", "The mail on disk: check it, repair it."),
    "config": ("mailsuite.cli.config", "config", "Check and print configuration files."),
}


class _Failure(click.ClickException):
    """A command that could not be done: one line, exit status 1."""

    def format_message(self) -> str:
        return visible(self.message)

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"mailsuite: {self.format_message()}", err=True, file=file)


def _misused(error: click.UsageError, hint: str) -> _Failure:
    return _Failure(f"{error.format_message().removesuffix('.')}; {hint}")


def _require_text(words: Sequence[str]) -> None:
    """No configuration, directory or queue can have octets that are no UTF-8.  ``sendmail`` has words of its own for
    them, and its own exit status."""
    for word in () if words[:1] == ["sendmail"] else words:
        if not word.isascii() and not _is_text(word):
            raise _Failure(f"not UTF-8 text: {quoted(word)}; arguments are UTF-8, whatever the locale")


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Commands(click.Group):
    """Imports a command's module when the command is called, and says errors in one line."""

    def make_context(self, info_name: str | None, args: list[str], *given: Any, **more: Any) -> click.Context:
        _require_text(args)
        try:
            return super().make_context(info_name, args, *given, **more)
        except click.NoSuchOption as error:
            raise _misused(error, "options come after the command") from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise
            raise _misused(error, f"see `{error.ctx.command_path if error.ctx else 'mailsuite'} --help`") from error
        except errors.MailError as error:
            raise _Failure(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise _Failure(f"{where}{error.strerror or error}") from error


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="First steps:  mailsuite init DIR --demo, then  twistd -n mailsuite --config DIR/mailsuite.toml",
)
@click.version_option(package_name="twisted-mailsuite", prog_name="mailsuite")
def cli() -> None:
    """A whole mail server: SMTP, submission and LMTP in, POP3 and IMAP out, a relay queue.

    The server itself is started with `twistd mailsuite --config FILE`. Each command says more with --help."""

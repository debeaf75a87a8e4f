"""What ``sendmail``, ``mailq`` and ``newaliases`` do besides sending."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time

import click

from mailsuite.cli.queue_access import open_queue
from mailsuite.cli.queue_orders import ordered
from mailsuite.cli.queue_table import table
from mailsuite.cli.running import connect
from mailsuite.errors import ConfigError, MailError, Temporary
from mailsuite.model import Kick, Selection
from mailsuite.queue.file import Places as Queue
from mailsuite.sendmail import maildrop
from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.sendmail.options import Mode, Options
from mailsuite.sendmail.site import find, settings_of
from mailsuite.sendmail.streams import put, tell

HELP = """\
usage: sendmail [option]... [address]...   a message on standard input
       mailq, sendmail -bp                 what waits for other servers
       newaliases, sendmail -bi            nothing: aliases count at once

  -t            send to everybody in To, Cc and Bcc; Bcc is never sent on
  -i, -oi       a line with a dot alone does not end the message
  -f ADDRESS    the envelope's sender; <> for none (also -r)
  -F NAME       full name, where the message has no From
  -v            show the SMTP dialogue with the server
  -N WHEN       notices: never, or some of success,failure,delay
  -R full|hdrs  what a notice is to return          -V ID  its envelope id
  -oem, -oep    refusals go to the sender by mail; to standard error (default);
                -oeq: they are only in the exit status
  -odq          do not wait for the server, leave it in its maildrop
  -bs           speak SMTP on standard input and output
  -bv           say where mail for the addresses would go, and send nothing
  -q            try all mail that waits now; -qRDOMAIN, -qSSENDER, -qIID: some
                (a sender without a domain: whoever is called so, anywhere)
  -O NAME=VALUE, -oXVALUE   DeliveryMode (d), ErrorMode (e), IgnoreDots (i),
                Verbose (v), FullName (F); others are passed over
  -C FILE       configuration file [$MAILSUITE_CONFIG, /etc/mailsuite/sendmail]
  --install     make the links sendmail, mailq and newaliases: see
                `mailsuite sendmail --install --help`
  --            what follows are addresses, though they begin with a dash

Exit status as in sysexits(3): 0 the message is on disk, 64 usage, 65 bad
address, 67 no such user, 69 refused, 74 output cannot be written, 75 try
again, 77 not permitted, 78 configuration.

  echo hello | mailsuite sendmail -i -v bob@example.org
  mailsuite sendmail -t -oi < letter.eml
"""


def do(options: Options) -> Exit:
    """Raises Stop."""
    match options.mode:
        case Mode.HELP:
            put(HELP.rstrip("\n"))
        case Mode.ALIASES:
            put("aliases count as soon as they are made (mailsuite alias); there is nothing to rebuild")
        case Mode.QUEUE:
            return _list(options)
        case Mode.FLUSH:
            return _flush(options)
        case _:
            _verify(options)
    return Exit.OK


def _verify(options: Options) -> None:
    """``-bv``: where mail for these would go.  Raises Stop."""
    from mailsuite.cli.explain import explain  # noqa: PLC0415

    origin = find(options.config).origin
    words = ["--from", "<>", "--client", "127.0.0.1", "--service", "submission", "--config", origin.config]
    for one in options.recipients:
        words += ["--to", one if "@" in one else f"{one}@{origin.domain}"]
    try:
        explain.main(words, "sendmail -bv", standalone_mode=False)
    except click.UsageError:
        raise Stop(Exit.USAGE, "no addresses to verify") from None
    except (MailError, OSError) as error:
        raise _stop(error) from None


def _list(options: Options) -> Exit:
    settings = settings_of(options.config)
    try:
        with open_queue(settings.paths.queue, change=False) as access:
            messages = access.list(Selection())
    except (MailError, OSError) as error:
        raise _stop(error) from None
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    put("\n".join(table(messages, time.time(), width)) if messages else "Mail queue is empty")
    _list_dropped(settings.sendmail.folder)
    return Exit.OK


def _list_dropped(folder: str) -> None:
    """What programs have left for a server that does not run."""
    drop = maildrop.Places(folder).drop
    with contextlib.suppress(OSError):  # no server has ever run, or none takes mail by sendmail
        if count := len(maildrop.whole(drop)):
            put(f"{count} message{'s' * (count > 1)} in {drop}, which the server takes within ten seconds of running")


def _flush(options: Options) -> Exit:
    domain = options.queue_recipient if "@" not in options.queue_recipient.lstrip("@") else ""
    sender = options.queue_sender
    local = sender.lower() if "@" not in sender and sender != "<>" else ""
    which = Selection(
        ids=(options.queue_id,) if options.queue_id else None,
        sender="" if local else sender,
        recipient="" if domain else options.queue_recipient,
        domain=domain.lstrip("@"),
        subdomains=domain.startswith("@"),  # RFC 1985 §5.3
    )
    folder = _folder(options)
    try:
        with open_queue(folder, change=True) as access:
            found = access.list(which)
            meant = [one for one in found if not local or one.envelope.sender.local.lower() == local]
            ordered(access, meant, Kick()).complain("due now")
        _warn_if_stopped(folder)
    except (MailError, OSError) as error:
        raise _stop(error) from None
    return Exit.OK


def _folder(options: Options) -> str:
    return settings_of(options.config).paths.queue


def _warn_if_stopped(folder: str) -> None:
    connection = connect(Queue(folder).control)
    if connection is None:
        tell("sendmail: the server does not run: what waits is tried when it is started")
    else:
        connection.close()


def _stop(error: Exception) -> Stop:
    """With the status that fits."""
    if isinstance(error, ConfigError | Temporary):  # a server that is just starting, one that does not answer
        return Stop(Exit.TEMPFAIL, str(error))
    if isinstance(error, PermissionError):
        return Stop(Exit.NOPERM, "only the server's user and root may look at the queue")
    if isinstance(error, OSError):
        return Stop(Exit.UNAVAILABLE, ": ".join(filter(None, (error.filename, error.strerror))) or str(error))
    return Stop(Exit.UNAVAILABLE, str(error))

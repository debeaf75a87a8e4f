"""``twistd mailsuite``: the command line, and the service that twistd starts.

Whatever is wrong with the configuration, or a port that cannot be had, is one line on standard error and exit status
1, in the foreground and as a daemon alike: both are found before twistd goes into the background.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from twisted.application.service import IService
from twisted.python import usage

from mailsuite.cli.instance import find_config
from mailsuite.config.check import check, warnings
from mailsuite.config.load import load
from mailsuite.errors import MailError


class Options(usage.Options):
    """Twisted reads these."""

    optParameters = [
        ["config", "c", None, "Configuration file [default: $MAILSUITE_CONFIG, ./mailsuite.toml, /etc/mailsuite/...]"],
    ]
    longdesc = "Serves mail as the configuration says.  `mailsuite init DIR --demo` makes one to try."


def makeService(options: Options) -> IService:
    """Read and check the configuration, take the ports; the service does the rest when twistd starts it."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd chooses the reactor before it calls this

    from mailsuite.services.server import MailServer  # noqa: PLC0415 - imports the reactor's friends

    try:
        path = find_config(options["config"])
        settings = load(path)
        check(settings, path)
        for line in warnings(settings):
            sys.stderr.write(f"mailsuite: warning: {line}\n")
        server = MailServer(settings, path, reactor)
        server.take_ports()
    except MailError as error:
        _give_up(error)
    return server


def _give_up(error: MailError) -> NoReturn:
    raise SystemExit(f"mailsuite: {error}")

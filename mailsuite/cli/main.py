"""The console script.  Called as ``sendmail``, ``mailq`` or ``newaliases``, it is those, and loads nothing else."""

from __future__ import annotations

import os.path
import sys

_SENDMAIL = ("sendmail", "mailq", "newaliases")


def main() -> None:
    """Ends with the command's exit status."""
    called = os.path.basename(sys.argv[0])
    if called in _SENDMAIL:
        from mailsuite.sendmail.program import main as sendmail  # noqa: PLC0415

        sys.exit(sendmail(sys.argv[1:], called))
    from mailsuite.cli.commands import cli  # noqa: PLC0415

    sys.exit(cli(prog_name="mailsuite"))

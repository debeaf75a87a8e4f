"""What options of rewritten addresses must be beyond their shape.  Part of ``config.check``."""

from __future__ import annotations

import os
import stat

from mailsuite.config.fault import Fault, contents, named
from mailsuite.config.schema import Settings
from mailsuite.directory.names import canonical_domain, mail_address
from mailsuite.directory.srs import secrets_of


def check_srs(settings: Settings) -> None:
    """Raises Fault."""
    own = settings.srs
    if not own.domain:
        return
    named(canonical_domain, own.domain, "srs", "domain")
    if not own.secret_file:
        raise Fault(("srs", "secret_file"), "", "needed is a file with a secret, because domain is set")
    here = ("srs", "secret_file")
    text = contents(here, own.secret_file)
    if stat.S_IMODE(os.stat(own.secret_file).st_mode) & 0o077:
        raise Fault(here, own.secret_file, f"others can read or write it: chmod 600 {own.secret_file}")
    try:
        secrets_of(text.decode("utf-8", "replace"))
    except ValueError as error:
        raise Fault(here, own.secret_file, str(error)) from None


def check_verp(settings: Settings) -> None:
    """Raises Fault."""
    for index, sender in enumerate(settings.verp.senders):
        named(mail_address, sender, "verp", "senders", index)

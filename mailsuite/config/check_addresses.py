"""What options of rewritten addresses must be beyond their shape.  Part of ``config.check``."""

from __future__ import annotations

import os
import stat

from mailsuite.config.explain import place
from mailsuite.config.fault import Fault, contents, named
from mailsuite.config.schema import Settings
from mailsuite.directory import address_map
from mailsuite.directory.names import canonical_domain, mail_address
from mailsuite.directory.rewriting import Masquerade
from mailsuite.directory.srs import secrets_of
from mailsuite.errors import InvalidName
from mailsuite.policy.backup import parse_recipients
from mailsuite.watched import LARGEST


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


def check_backups(settings: Settings) -> None:
    """Raises Fault."""
    own = {canonical_domain(domain): number for number, domain in enumerate(settings.local_domains)}
    for index, one in enumerate(settings.backups):
        here = ("backup", index)
        for number, domain in enumerate(one.domains):
            named(canonical_domain, domain.removeprefix("."), *here, "domains", number)
            local = own.get(canonical_domain(domain.removeprefix("."))) if not domain.startswith(".") else None
            if local is not None:
                why = f"it is at home here, by {place(('local_domains', local))}: this section would never be asked"
                raise Fault((*here, "domains", number), domain, why)
        if one.recipients:
            text = contents((*here, "recipients"), one.recipients, LARGEST).decode("utf-8", "replace")
            try:
                parse_recipients(text)
            except InvalidName as error:
                raise Fault((*here, "recipients"), one.recipients, str(error)) from None


def check_verp(settings: Settings) -> None:
    """Raises Fault."""
    for index, sender in enumerate(settings.verp.senders):
        named(mail_address, sender, "verp", "senders", index)


def check_rewriting(settings: Settings) -> None:
    """Raises Fault."""
    own = settings.rewriting
    for index, domain in enumerate(own.masquerade):
        named(lambda text: Masquerade([text]), domain, "rewriting", "masquerade", index)
    for key in ("canonical", "sender_canonical", "recipient_canonical", "generic"):
        here, path = ("rewriting", key), getattr(own, key)
        if not path:
            continue
        text = contents(here, path, LARGEST).decode("utf-8", "replace")
        try:
            address_map.parse(text, path, [settings.hostname])
        except InvalidName as error:
            raise Fault(here, path, str(error)) from None

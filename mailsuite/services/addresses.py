"""What becomes of addresses on their way, as the configuration says."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from mailsuite.config.schema import Settings
from mailsuite.directory.names import canonical_domain, mail_address
from mailsuite.directory.srs import Srs, secrets_of
from mailsuite.interfaces import IOffload
from mailsuite.model import Address, Resolution
from mailsuite.policy.backup import Backup, List, everybody, parse_recipients
from mailsuite.routing.patterns import domain_pattern
from mailsuite.services.return_paths import ReturnPaths
from mailsuite.watched import Watched


def srs(settings: Settings) -> Srs | None:
    """None where senders of forwarded mail stay as they are.  Raises OSError, ValueError if there is no secret."""
    own = settings.srs
    if not own.domain:
        return None
    with open(own.secret_file, encoding="utf-8") as file:
        return Srs(secrets_of(file.read()), canonical_domain(own.domain), own.days)


def backup(settings: Settings, offload: IOffload, seconds: Callable[[], float]) -> Backup:
    """The domains of others that mail is taken for."""
    lists: list[tuple[str, List]] = []
    for one in settings.backups:
        wanted = Watched(one.recipients, parse_recipients, offload, seconds).get if one.recipients else everybody
        lists += [(domain_pattern(domain), wanted) for domain in one.domains]
    return Backup(lists)


def return_paths(
    settings: Settings, resolve: Callable[[Address], Deferred[Resolution]], seconds: Callable[[], float]
) -> ReturnPaths:
    """Those of mail that leaves."""
    return ReturnPaths(resolve, seconds, srs(settings), [mail_address(sender) for sender in settings.verp.senders])

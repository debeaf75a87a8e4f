"""The checks of a server, in their order, as its settings say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from mailsuite.config.schema import Settings
from mailsuite.net.address import NetworkOf
from mailsuite.policy.backup import Backup
from mailsuite.policy.checks import Check, Room
from mailsuite.policy.ordered import standard_checks
from mailsuite.policy.rates import RateLimits, Rates
from mailsuite.policy.senders import OwnAddresses, Resolve


def checks_of(
    settings: Settings,
    room: Room,
    backup: Backup,
    resolve: Resolve,
    network: NetworkOf,
    clock: IReactorTime,
    hits: Counter[str],
) -> Sequence[Check]:
    """``room`` tells whether an account has room, ``backup`` which domains of others mail is taken for, ``resolve``
    where an address leads, ``network`` who counts as one client; ``hits`` counts what met a limit."""
    limits, submission = settings.limits, settings.submission
    found = [*standard_checks(limits.message_size, limits.hops, room, backup)]
    if submission.own_sender:
        found.append(OwnAddresses(resolve, submission.may_send_as_anybody, submission.own_from))
    return [*found, Rates(_rate_limits(settings), network, clock, hits)]


def _rate_limits(settings: Settings) -> RateLimits:
    own = settings.rates
    return RateLimits(
        account_messages=own.account_messages,
        account_recipients=own.account_recipients,
        address_messages=own.address_messages,
        address_recipients=own.address_recipients,
        remembered=own.remembered,
    )

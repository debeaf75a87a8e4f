"""How much mail an account or a client network may send in an hour; more is refused for now, with when to try again.

Who has logged in counts by account, wherever it is; strangers count by network; trusted networks without login do not.
Each count is a bucket that holds an hour's worth and fills steadily (the generic cell rate algorithm of ITU-T I.371:
one number a client, the time at which its bucket will be full).  Memory is bounded: the longest unseen is forgotten,
which means a full bucket.  A message counts when MAIL is accepted, a recipient when nothing else is against it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

import msgspec
from twisted.internet.interfaces import IReactorTime

from mailsuite.model import Address, Client, Later, Resolution, Status
from mailsuite.policy.checks import ACCEPT, Answer, Check

_HOUR = 3600.0
#: Seconds by which rounding may be wrong.
_EXACT = 1e-3


class RateLimits(msgspec.Struct, frozen=True):
    """Counts an hour; 0: no limit.  ``remembered``: clients that each count is kept for."""

    account_messages: int = 0
    account_recipients: int = 0
    address_messages: int = 0
    address_recipients: int = 0
    remembered: int = 20_000


class Buckets:
    """One bucket a key."""

    def __init__(self, an_hour: int, remembered: int) -> None:
        """``an_hour``: what a bucket holds, and what flows into it in an hour."""
        self._interval = _HOUR / an_hour
        self._remembered = remembered
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Take one: 0 if there was one, else the seconds until there will be."""
        full_at = self._full_at.get(key, now)
        if full_at - now > _HOUR + _EXACT:  # the clock was set back
            full_at = now
        full_at = (full_at if full_at > now else now) + self._interval
        wait = full_at - now - _HOUR
        if wait > _EXACT:
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._remembered:
            self._full_at.popitem(last=False)
        return 0.0


class Rates(Check):
    """``network`` says what counts as one client; ``hits`` counts by name how often a limit was met."""

    def __init__(
        self, limits: RateLimits, network: Callable[[str], str], clock: IReactorTime, hits: Counter[str]
    ) -> None:
        self._network = network
        self._clock = clock
        self._hits = hits
        self._messages = _Pair("messages", limits.account_messages, limits.address_messages, limits.remembered)
        self._recipients = _Pair("recipients", limits.account_recipients, limits.address_recipients, limits.remembered)
        self.name = "rates" if self._messages.limited or self._recipients.limited else ""

    def at_sender(self, client: Client, sender: Address, size: int) -> Answer:
        return self._take(self._messages, client)

    def at_recipient(
        self, client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Answer:
        return self._take(self._recipients, client)

    def _take(self, pair: _Pair, client: Client) -> Answer:
        if client.account:
            buckets, key, whose = pair.account, client.account, "account"
        elif client.trusted or pair.address is None:
            return ACCEPT
        else:
            buckets, key, whose = pair.address, self._network(client.address), "address"
        wait = buckets.take(key, self._clock.seconds()) if buckets is not None else 0.0
        if not wait:
            return ACCEPT
        self._hits[f"rates.{whose}_{pair.what}"] += 1
        return Later(
            Status(4, 7, 1), f"Too many {pair.what} from your {whose} in the last hour; try again in {_span(wait)}"
        )


class _Pair:
    def __init__(self, what: str, account: int, address: int, remembered: int) -> None:
        self.what = what
        self.account = Buckets(account, remembered) if account else None
        self.address = Buckets(address, remembered) if address else None
        self.limited = bool(account or address)


def _span(seconds: float) -> str:
    """Never too short: who comes back then is let in."""
    minutes = int(seconds // 60) + 1
    return f"{int(seconds) + 1} seconds" if seconds < 90 else f"{minutes} minutes"

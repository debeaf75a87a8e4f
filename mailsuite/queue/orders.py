"""What a queued message becomes when somebody orders something about it (``mailsuite queue``, ETRN).  Pure.

Each change can be made to any state of a message and takes back nothing of what attempts said: so it may be made once
more, to what has become of the message while it was written down.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import msgspec

from mailsuite.errors import InvalidName, NotAllowed
from mailsuite.model import Bounce, Hold, Kick, Order, Queued, Release, Reroute
from mailsuite.queue.file import checked_via

#: The lane of what needs no destination.
RETURN = "(return)"
#: Characters of the words with which a message is returned: they are kept with it, in memory too.
WORDS_LIMIT = 1000

Change: TypeAlias = Callable[[Queued], Queued]


def change_by(order: Hold | Release | Kick | Reroute | Bounce, now: float) -> Change:
    """What it makes of a message; InvalidName."""
    match order:
        case Hold():
            return _hold
        case Release():
            return partial(_release, now=now)
        case Kick():
            return partial(_hurry, now=now)
        case Reroute():
            return partial(_reroute, via=checked_via(order.via))
        case Bounce():
            return partial(_bounce, words=checked_words(order.words), now=now)


def checked_words(words: str) -> str:
    """``words`` if a sender can be told that; InvalidName."""
    if not words.strip():
        raise InvalidName("there are no words: what is the sender to be told?")
    if len(words) > WORDS_LIMIT:
        raise InvalidName(f"{len(words)} characters of words; the sender is told {WORDS_LIMIT} at most")
    return words


def is_meant(order: Order, queued: Queued, now: float) -> bool:
    """What is held or scheduled for later cannot be hurried."""
    return not isinstance(order, Kick) or (not queued.held and queued.envelope.release <= now)


def refuse_unwritten(queued: Queued) -> None:
    """NotAllowed while its last result is not on disk: some of it is done already, and what is not waits for that."""
    if queued.unwritten:
        raise NotAllowed("tried, and the result is not written yet (see `queue why`): it can only be dropped")


def _hold(queued: Queued) -> Queued:
    return msgspec.structs.replace(queued, held=True, released=False)


def _release(queued: Queued, now: float) -> Queued:
    """Recipients that a rule kept are due then, whoever else waits."""
    pending = tuple(
        msgspec.structs.replace(entry, due=now) if entry.last_text and not entry.last_status else entry
        for entry in queued.pending
    )
    due = min([queued.due, *(entry.due for entry in pending)])
    return msgspec.structs.replace(queued, held=False, released=True, pending=pending, due=due)


def _reroute(queued: Queued, via: str) -> Queued:
    return msgspec.structs.replace(queued, via=via, lane="")


def _bounce(queued: Queued, words: str, now: float) -> Queued:
    return msgspec.structs.replace(_hurry(queued, now), returned=words, held=False, lane=RETURN)


def _hurry(queued: Queued, now: float) -> Queued:
    pending = tuple(msgspec.structs.replace(entry, due=min(entry.due, now)) for entry in queued.pending)
    return msgspec.structs.replace(queued, pending=pending, due=min(queued.due, now), kicked=now)

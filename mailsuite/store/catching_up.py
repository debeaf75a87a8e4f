"""Does for accounts what can wait until nothing else is to be done, so that no client waits for it.

Messages that a session has seen are moved from ``new`` to ``cur``; then what messages hold is indexed, so that searches
find it known.  Accounts that are in use are looked at one after the other, some messages at a time.  While mail comes
in or sessions ask the account for something, this waits, though not for ever: ``PATIENCE`` or ``POLITENESS`` seconds
after it was due one step is done all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError
from mailsuite.store import finding
from mailsuite.store.account import AccountMail
from mailsuite.store.find_index import BODY, HEADER
from mailsuite.store.folder import Folder

if TYPE_CHECKING:
    from mailsuite.store.attention import Attention
    from mailsuite.store.mailbox import Lane

#: Seconds after an account was used or got mail until its new messages are read; seconds without any mail that count as
#: quiet; seconds after which a step is done although it is not.
DELAY, QUIET, PATIENCE = 3.0, 2.0, 60.0
#: The same for the account's own sessions: between two commands of a client there are seldom so many seconds.
CALM, POLITENESS = 0.5, 5.0
#: Seconds between two steps; each is at most some 50 messages.
PAUSE = 0.05

_log = Logger()


class CatchingUp:
    """One for all accounts."""

    def __init__(self, clock: IReactorTime, attention: Attention, index: bool = True) -> None:
        """``attention`` need not see what is moved; ``index``: whether messages are indexed too."""
        self._clock = clock
        self._attention = attention
        self._index = index
        self._waiting: OrderedDict[str, Lane] = OrderedDict()
        self._timer: IDelayedCall | None = None
        self._at_work = False
        self._closed = False
        self._mail_came = self._since = float("-inf")

    def used(self, lane: Lane) -> None:
        """The account of that lane may have messages of which nothing is known."""
        if not self._closed:
            self._waiting.setdefault(lane.account.name, lane)
            self._later(DELAY)

    def mail_came(self) -> None:
        """To any account."""
        self._mail_came = self._clock.seconds()

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _later(self, delay: float) -> None:
        if self._timer is None and not self._at_work and self._waiting:
            self._since = self._clock.seconds()
            self._timer = self._clock.callLater(delay, self._step)

    def _step(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        waited = now - self._since
        if now - self._mail_came < QUIET and waited < PATIENCE:
            self._timer = self._clock.callLater(QUIET, self._step)
            return
        lanes = self._waiting.values()
        lane = next((each for each in lanes if now - each.account.asked_at >= CALM), None)
        if lane is None and waited < POLITENESS:
            self._timer = self._clock.callLater(CALM, self._step)
            return
        lane = lane or next(iter(lanes))
        name = lane.account.name
        self._at_work = True
        step = Deferred.fromCoroutine(self._do_some(lane))
        step.addErrback(self._failed, name).addCallback(self._done, name)

    async def _do_some(self, lane: Lane) -> bool:
        """One step; whether there may be more."""
        account = lane.account
        for folder in account.in_use():
            claimed = await lane.run_unasked(folder.claimed) if folder.may_be_claimed else ()
            if claimed:
                move = partial(lane.run_unasked, folder.move_claimed, claimed)
                await self._attention.while_away(len(claimed), [folder], move)
                return True
        return await lane.run_beside(catch_up, account) if self._index else False

    def _failed(self, failure: Failure, name: str) -> bool:
        if not failure.check(MailError):  # the store closes, the mailbox is gone, the disk is full
            _log.warn("{account} is not brought up to date: {error}", account=name, error=failure.value)
        return False

    def _done(self, more: bool, name: str) -> None:
        self._at_work = False
        if not more:
            self._waiting.pop(name, None)
        if not self._closed:
            self._later(PAUSE if more else DELAY)


def catch_up(account: AccountMail) -> bool:
    """Read some messages of which less is known than could be, of the mailboxes in use, or forget some that are gone;
    whether there may be more.  Blocking, without the account's lock."""
    if any(_catch_up_mailbox(folder) for folder in account.in_use()):
        return True
    index = account.find_index
    more = index.open and _forget_mailboxes(account)
    if not more:
        index.close()  # it is opened again in a moment, and kept open it costs memory and descriptors
    return more


def _catch_up_mailbox(folder: Folder) -> bool:
    with folder.account.locked(see_all=False):
        if folder.gone or folder.found_out == folder.contents.uids:
            return False
        uids = folder.contents.uids
    lacking = finding.lacking(folder, uids, BODY)
    if lacking:
        finding.learn(folder, lacking, BODY)
        return True
    if finding.gone(folder, uids):
        return True
    folder.found_out = uids
    return False


def _forget_mailboxes(account: AccountMail) -> bool:
    """Of mailboxes that were deleted."""
    known = set(account.find_index.mailboxes())
    known.difference_update(folder.counters.uidvalidity for folder in account.in_use())
    if not known:
        return False
    with account.locked(see_all=False):
        known -= account.uidvalidities()
    for uidvalidity in known:
        uids = account.find_index.known(uidvalidity, HEADER)
        account.find_index.forget(uidvalidity, uids[: finding.LEARN_AT_ONCE])
    return bool(known)

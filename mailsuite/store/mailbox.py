"""IMailbox on a folder: each call is one job in the account's lane, and what changed is told when it is back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.errors import MailError, NotFound
from mailsuite.interfaces import IBody, IMailbox, IMailboxesWatch
from mailsuite.model import Fetched, FlagOp, Flags, Forest, Listing, MailboxesChange, Snapshot
from mailsuite.query import Query, Ranges, SortBy, ThreadAlgorithm, unheard
from mailsuite.store import bodies, changing, finding, maildrop, reading
from mailsuite.store.account import AccountMail
from mailsuite.store.behind import MOMENTS
from mailsuite.store.feed import Watch
from mailsuite.store.flags import canonical
from mailsuite.store.folder import Folder
from mailsuite.store.searching import Searching

if TYPE_CHECKING:
    from mailsuite.store.attention import Attention
    from mailsuite.store.catching_up import CatchingUp

_log = Logger()

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Lane:
    """Runs work in an account's lane, alone with the account, and wakes its watches afterwards."""

    def __init__(self, account: AccountMail) -> None:
        self.account = account
        self._name = f"account:{account.name}"
        account.users.add(self)

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        self.asks()
        return self.run_unasked(work, *args, **kwargs)

    def run_unasked(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """The same for what no session waits for."""

        def alone() -> _T:
            with self.account.locked():
                return work(*args, **kwargs)

        return self._run_in(self._name, alone)

    def change(self, origin: object, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """The same, for what may change mailboxes themselves: those who watch them hear of it; ``origin`` does it."""

        def changing() -> tuple[_T, Sequence[MailboxesChange], Sequence[MailboxesChange]]:
            seen = self.account.names_seen
            before = seen.look() if self.account.mailboxes.watched else ()
            try:
                done = work(*args, **kwargs)
            finally:
                changes = self.account.take_changes()  # of what fails half-way the next look finds what is there
            if changes and self.account.mailboxes.watched:
                seen.refresh()
            return done, before, changes

        def told(answer: tuple[_T, Sequence[MailboxesChange], Sequence[MailboxesChange]]) -> _T:
            done, before, changes = answer
            self.account.mailboxes.publish(before, None)
            self.account.mailboxes.publish(changes, origin)
            return done

        return self.run(changing).addCallback(told)

    def watch_mailboxes(self, origin: object, woken: Callable[[], None]) -> Deferred[IMailboxesWatch]:
        """See ``IMailStore.watch``; ``origin`` as in ``change``."""
        mailboxes = self.account.mailboxes
        seen = succeed(None) if mailboxes.watched else self.run(self.account.names_seen.refresh)
        return seen.addCallback(lambda _: mailboxes.watch(origin, woken, self.look_for_mailboxes))

    def look_for_mailboxes(self) -> Deferred[None]:
        """Let those who watch hear of what other programs did to mailboxes."""
        return self.run(self.account.names_seen.look).addCallback(self.account.mailboxes.publish, None)

    def run_unlocked(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """For work that takes the account's lock itself, only as long as it needs it."""
        self.asks()
        return self._run_in(self._name, work, *args, **kwargs)

    def run_beside(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """The same in a lane for what takes long, so that nothing else of the account waits for it."""
        return self._run_in(f"search:{self.account.name}", work, *args, **kwargs)

    def run_behind(self, work: Callable[[], _T]) -> Deferred[_T]:
        """The same in a lane for what nobody waits for, without the account's lock."""
        return self._run_in(f"behind:{self.account.name}", work)

    def asks(self) -> None:
        """A session has something done: what can wait waits (``catching_up``)."""
        self.account.asked_at = self.account.resources.now()

    def _run_in(self, lane: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        answer: Deferred[_T] = Deferred()  # cancelled, it does not keep others from hearing what changed
        job = self.account.resources.offload.run_in(lane, work, *args, **kwargs)
        job.addBoth(self._wake)
        job.chainDeferred(answer)
        return answer

    def _wake(self, result: _T) -> _T:
        self.wake()
        if self.account.afterwards:  # before what is asked when the answer is out
            self.run_unasked(self.account.finish_off).addErrback(self._not_finished)
        return result

    def _not_finished(self, failure: Failure) -> None:
        """The index knows less than it could."""
        if not failure.check(MailError):
            _log.failure("the index of {account} lacks something", failure, account=self.account.name)

    def wake(self) -> None:
        """Let the account's watches hear of what they have not heard of."""
        while self.account.stirred:
            self.account.stirred.popleft().wake()


@implementer(IMailbox)
class MaildirMailbox:
    """One mailbox.  Any number of these share one ``Folder``."""

    def __init__(
        self,
        lane: Lane,
        folder: Folder,
        moment: Callable[[], Deferred[None]],
        attention: Attention,
        catching_up: CatchingUp,
    ) -> None:
        """``moment``: what fires when files are to follow an answer."""
        self._lane = lane
        self._moment = moment
        self.folder = folder
        self._attention = attention
        self._catching_up = catching_up

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def account(self) -> str:
        return self._lane.account.name

    @property
    def id(self) -> str:
        return self.folder.object_id

    @property
    def prompt(self) -> bool:
        return self._attention.follows(self.folder)

    def snapshot(self, take_recent: bool) -> Deferred[Snapshot]:
        """Without a thread if nothing has happened: clients select the same mailbox again and again."""
        if take_recent:
            self._catching_up.used(self._lane)
        self._attention.follow(self._lane, self.folder)
        if self._attention.nothing_new(self.folder):
            found = self.folder.snapshot_at_hand(take_recent)
            if found is not None:
                self._lane.asks()
                return succeed(found)
        reasons = self._attention.reasons(self.folder)
        return self._lane.run(self._snapshot, take_recent).addCallback(self._seen, reasons)

    def _seen(self, snapshot: Snapshot, reasons: int) -> Snapshot:
        self._attention.looked_after(self.folder, reasons)
        return snapshot

    def _snapshot(self, take_recent: bool) -> Snapshot:
        if self.folder.account.folder(self.folder.name) is not self.folder:
            raise NotFound(f"no mailbox {self.folder.name}")
        return self.folder.snapshot(take_recent)

    def watch(self, at: int, woken: Callable[[], None], take_recent: bool = False) -> Watch:
        watch = self.folder.feed.watch(at, woken, take_recent)
        self._attention.follow(self._lane, self.folder)
        self._catching_up.used(self._lane)
        return watch

    def fetch(self, uids: Sequence[int], items: Sequence[str]) -> Deferred[Fetched]:
        found = self.folder.account.resources.lately_read.find(self.folder, uids, items)
        if found is None:
            return self._lane.run(reading.fetch, self.folder, uids, items)
        self._lane.asks()
        return succeed(found)

    def body(self, uid: int) -> Deferred[IBody]:
        wanted = [True]
        answer: Deferred[IBody] = Deferred(lambda _: wanted.clear())

        def hand_over(body: IBody) -> None:
            if wanted:
                answer.callback(body)
            else:
                body.close()

        def fail(failure: Failure) -> None:
            if wanted:
                answer.errback(failure)

        self._lane.run(reading.opened, self.folder, uid).addCallbacks(hand_over, fail)
        return answer

    def listing(self, ascii_only: bool) -> Deferred[Listing]:
        return Deferred.fromCoroutine(self._listing(ascii_only))

    async def _listing(self, ascii_only: bool) -> Listing:
        """Messages that were never examined are, in small jobs."""
        while ascii_only and await self._lane.run_unlocked(maildrop.examine, self.folder):
            pass
        return await self._lane.run(maildrop.listing, self.folder, ascii_only)

    def octets(self, uids: Sequence[int], most: int) -> Deferred[Sequence[bytes | MailError]]:
        return self._lane.run_unlocked(bodies.octets, self.folder, uids, most)

    def store(
        self, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None
    ) -> Deferred[tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]]:
        return self._change(
            len(uids), partial(changing.store, self.folder, uids, op, canonical(flags), unchanged_since)
        )

    def expunge(self, uids: Sequence[int]) -> Deferred[Sequence[int]]:
        return self._change(len(uids), partial(changing.expunge, self.folder, uids))

    def _change(self, names: int, work: Callable[[], _T]) -> Deferred[_T]:
        """Have ``work`` change so many names, of which some may be changed behind the answer."""
        answer: Deferred[_T] = Deferred()

        def change() -> Deferred[None]:
            return self._lane.run(work).addCallbacks(answer.callback, answer.errback).addCallback(self._follow)

        self._attention.while_away(names, [self.folder], change)
        return answer

    def _follow(self, _: object) -> Deferred[None] | None:
        """Do what is behind."""
        if not self.folder.behind.pending:
            return None
        return Deferred.fromCoroutine(self._do_behind()).addErrback(self._still_behind)

    async def _do_behind(self) -> None:
        """When nobody has asked for anything for a moment, or will not stop; with more to come, at once."""
        account = self._lane.account
        for _ in range(MOMENTS):
            asked_at = account.asked_at
            await self._moment()
            if account.asked_at == asked_at or self.folder.behind.several:
                break
        await self._lane.run_behind(self.folder.behind.perform)
        await self._lane.run_unasked(self.folder.behind.publish)

    def _still_behind(self, failure: Failure) -> None:
        """The disk tries again from time to time, or the store closes and does it."""
        if not failure.check(MailError, CancelledError):
            _log.failure("files of {mailbox} are not renamed yet", failure, mailbox=self.folder.path)

    def changed_since(self, modseq: int) -> Deferred[Sequence[int]]:
        return self._lane.run(self.folder.changed_since, modseq)

    def vanished_since(self, modseq: int) -> Deferred[Ranges]:
        return self._lane.run(self.folder.vanished_since, modseq)

    def search(
        self, query: Query, uids: Sequence[int], so_far: Callable[[int, int], None] = unheard
    ) -> Deferred[Sequence[int]]:
        self._catching_up.used(self._lane)
        return Deferred.fromCoroutine(Searching(self._lane, self.folder, so_far).find(query, sorted(set(uids))))

    def relevance(self, query: Query, uids: Sequence[int]) -> Deferred[Sequence[int]]:
        work = partial(finding.relevance, self.folder, query, uids)
        return self._knowing((), work)

    def sort(
        self, uids: Sequence[int], criteria: Sequence[SortBy], relevance: Mapping[int, int]
    ) -> Deferred[Sequence[int]]:
        work = partial(finding.sort, self.folder, sorted(set(uids)), criteria, relevance)
        return self._knowing(uids, work)

    def thread(self, uids: Sequence[int], algorithm: ThreadAlgorithm) -> Deferred[Forest]:
        work = partial(finding.thread, self.folder, sorted(set(uids)), algorithm)
        return self._knowing(uids, work)

    def _knowing(self, uids: Sequence[int], work: Callable[[], _T]) -> Deferred[_T]:
        self._catching_up.used(self._lane)
        return Deferred.fromCoroutine(Searching(self._lane, self.folder).knowing(uids, work))

    def look(self) -> Deferred[None]:
        if self._attention.nothing_new(self.folder) and not self.folder.account.expects:
            return succeed(None)
        return self._lane.run(self._look).addCallback(lambda _: self._attention.looked(self.folder))

    def _look(self) -> None:
        try:
            self.folder.look()
        except NotFound:  # another program removed it, and those who watch it hear of that
            if not self.folder.gone:
                self.folder.account.folder(self.folder.name)
            raise

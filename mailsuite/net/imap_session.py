"""One IMAP connection: what it is logged in to, what it has selected, how its commands end.

The commands themselves are functions in the ``imap_*`` modules beside this one; ``imap_server`` has their table.  A
command answers exactly once, through ``complete`` or by raising: a ``MailError`` becomes NO in IMAP's words,
``BadCommand`` BAD, a fault of ours NO [SERVERBUG] with a traceback in the log.  What changed in the selected mailbox is
told before that answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mailsuite.errors import MailError
from mailsuite.imap import capability, codes, responses
from mailsuite.imap.capability import Offer
from mailsuite.imap.dialect import REV1, Dialect
from mailsuite.imap.events import Command
from mailsuite.imap.items import FetchItem
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.notices import USUAL, OfSelected
from mailsuite.imap.server import ServerCore
from mailsuite.imap.states import State
from mailsuite.interfaces import IMailStore
from mailsuite.model import Account
from mailsuite.net import imap_telling
from mailsuite.net.connection import Connection
from mailsuite.net.imap_following import Following
from mailsuite.net.imap_notices import Notices
from mailsuite.net.imap_parts import BadCommand, BrokenAnswer, Offered, Parts
from mailsuite.net.imap_progress import Work
from mailsuite.net.imap_selection import Selection
from mailsuite.net.login import Entrance, Exchange
from mailsuite.net.then import at_once
from mailsuite.query import Numbers, Uids


class Session(Connection[ServerCore]):
    """State of a connection, and what the commands need of it."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, parts: Parts, address: str, ended: Callable[[Session], None]) -> None:
        """``address`` is the client's; ``ended`` is called when the connection is gone."""
        super().__init__(ServerCore(parts.settings.limits), parts.clock, parts.settings.idle_limit)
        self.address = address
        self.parts = parts
        self.settings = parts.settings
        self.exchange: Exchange | None = None
        self.failures = 0
        self.offered: list[Offered] = []
        self._in_pieces = False
        self._selection: Selection | None = None
        self._ended = ended
        #: What is read along for a client that fetches message after message.
        self.following = Following(parts.allowance)
        self._be_nobody()

    def _be_nobody(self) -> None:
        """All that a login and what follows it set, as it is before: UNAUTHENTICATE comes back to it (RFC 8437)."""
        self.account = ""
        self.entered = Account("")
        #: When the account was last known to be there.
        self.asked_at = 0.0
        self.append_to = ""
        #: The UID of the message that REPLACE removes, None for APPEND.
        self.replaced: int | None = None
        self.awareness = Awareness.NONE
        self.uid_only = False
        self.core.speak(REV1)
        #: What is told unasked, if NOTIFY asked for anything; what is told of the selected mailbox.
        self.notices: Notices | None = None
        self._wishes = USUAL
        self._owing = False
        self._store: IMailStore | None = None

    # -- what commands ask ---------------------------------------------------------------------------------------

    @property
    def store(self) -> IMailStore:
        """The account's mailboxes; the core lets no command that needs them through before login."""
        if self._store is None:
            raise RuntimeError("no login yet")
        return self._store

    @property
    def selection(self) -> Selection:
        """The selected mailbox; the core lets no command that needs it through without."""
        if self._selection is None:
            raise RuntimeError("nothing selected")
        return self._selection

    @property
    def selected(self) -> bool:
        return self._selection is not None

    @property
    def private(self) -> bool:
        """Passwords may be sent."""
        return self.secure or self.settings.allow_plaintext_login

    @property
    def administrator(self) -> bool:
        """Whether who is logged in may do what concerns other accounts."""
        return self.account in self.settings.administrators

    def entrance(self) -> Entrance:
        """Where AUTHENTICATE stands."""
        channel = self.channel(self.settings.allow_plaintext_login)
        return Entrance(channel, self.settings.mechanisms, self.address, "imap")

    def capabilities(self, state: State) -> tuple[bytes, ...]:
        """What to list in that state."""
        mechanisms = self.entrance().offered
        offer = Offer(
            starttls=self.settings.starttls and self.parts.tls.available() and not self.secure,
            plaintext_login="PLAIN" in mechanisms,
            mechanisms=mechanisms,
            compress=self.settings.compress,
            append_limit=self.settings.limits.message,
            administrator=self.administrator,
            sharing=bool(self.settings.other_users),
            message_limit=self.settings.message_limit,
        )
        return capability.listed(state, offer)

    def written(self, mailbox: str) -> bytes:
        """A mailbox's name as the client reads it."""
        return responses.mailbox(mailbox, self.core.dialect.utf8)

    def resolve(self, messages: Numbers | Uids) -> list[int]:
        """The UIDs that a command names, ascending."""
        self.refuse_numbers(isinstance(messages, Numbers))
        try:
            return self.selection.view.resolve(messages)
        except ValueError as error:
            raise BadCommand(str(error)) from None

    def refuse_numbers(self, numbers: bool) -> None:
        """If there are sequence numbers in a command or its answer: not where the client uses UIDs only."""
        if numbers and self.uid_only:
            raise BadCommand("you said that you use UIDs only", codes.UIDREQUIRED)  # RFC 9586 §3.1

    async def breathe(self) -> None:
        """Between the pieces of a long answer: others have their turn, and the client reads most of what it was sent
        before more is made."""
        self.flush()
        if self.choked:
            await self.drained()
        else:
            await deferLater(self.clock, 0.0)

    # -- what commands change ------------------------------------------------------------------------------------

    async def log_in(self, account: Account) -> None:
        """Open the account's mail."""
        self._store = await self.parts.stores.open(account.name)
        self.account = account.name
        self.entered = account
        self.parts.login.sessions.enter(account, self)
        self.asked_at = self.clock.seconds()

    def unauthenticate(self) -> None:
        """RFC 8437 §3: forget everything but TLS."""
        self.log_out()
        self._be_nobody()
        self.connected_at = self.clock.seconds()
        self.watch_again()

    def log_out(self) -> None:
        """Let go of what the login and the selection hold."""
        self.parts.login.sessions.leave(self.account, self)
        self.parts.lookout.remove(self)
        self.discard_offered()
        self.deselect()
        self.heed(None, USUAL)

    def speak(self, more: Dialect) -> None:
        """The client knows more of the language, until the connection ends."""
        self.core.speak(self.core.dialect | more)
        if more.rev2 and self._selection is not None:
            self._selection.view.speak_rev2()

    def select(self, selection: Selection) -> None:
        if self.core.dialect.rev2:
            selection.view.speak_rev2()
        selection.view.modseqs.awareness = self.awareness
        selection.view.uid_only = self.uid_only
        selection.view.wishes = self._wishes
        self._selection = selection

    def has_selected(self, name: str) -> bool:
        """Whether that mailbox is the selected one."""
        return self._selection is not None and self._selection.mailbox.name == name

    def made(self, name: str, uids: Iterable[int]) -> None:
        """The client put these messages there itself: that is no news for it."""
        if self.notices is not None:
            self.notices.made(name, uids)

    def heed(self, notices: Notices | None, wishes: OfSelected) -> None:
        """What the client wants to be told from now on."""
        earlier, self.notices = self.notices, notices
        if earlier is not None:
            earlier.close()
        self._wishes = wishes
        if self._selection is not None:
            self._selection.view.wishes = wishes

    def become(self, awareness: Awareness) -> None:
        """The client announced that it knows CONDSTORE or QRESYNC, or more than that already."""
        self.awareness = max(awareness, self.awareness)
        if self._selection is not None:
            self._selection.view.become(awareness)

    def use_uids_only(self) -> None:
        """RFC 9586, until the connection ends."""
        self.uid_only = True
        if self._selection is not None:
            self._selection.view.uid_only = True

    def deselect(self) -> None:
        """Let go of the selected mailbox, if any."""
        selection, self._selection = self._selection, None
        self.following.clear()
        if selection is not None:
            selection.close()

    def discard_offered(self) -> None:
        """Forget the messages of an APPEND."""
        for message in self.offered:
            message.draft.discard()
        self.offered = []

    # -- how commands end ----------------------------------------------------------------------------------------

    async def complete(
        self, event: Command, text: bytes, code: bytes = b"", uid: bool = False, expunges: bool = True
    ) -> None:
        """OK, after what changed in the selected mailbox was told (with UIDs where ``uid``, what is gone only where
        ``expunges``).  The OK says HIGHESTMODSEQ where that is due (RFC 7162 §3.2.7) and ``code`` leaves room."""
        reached = await imap_telling.changes(self, uid, expunges and self.core.expunges_allowed)
        if code:
            imap_telling.say_reached(self, reached)
        self.core.ok(event.tag, text, code or reached)

    async def tell(self, uid: bool = False) -> None:
        """Untagged responses for what changed, as far as the command in hand allows."""
        imap_telling.say_reached(self, await imap_telling.changes(self, uid, self.core.expunges_allowed))

    def carry_out(self, event: Command, work: Coroutine[Any, Any, None]) -> Deferred[object] | None:
        """Run a command that may wait for something."""
        return at_once(self._guarded(event, work), partial(self._waits, event.tag))

    def _waits(self, tag: bytes) -> None:
        if self.account:
            self.parts.progress.begin(self, tag)

    async def _guarded(self, event: Command, work: Coroutine[Any, Any, None]) -> None:
        progress = self.parts.progress
        try:
            await work
        except CancelledError:
            raise
        except BrokenAnswer as error:
            self.cut_off(error)
        except Exception as error:
            self.discard_offered()
            await self._refuse(event, error)
        finally:
            progress.end(self)
        self.end_if_gone()

    def so_far(self, done: int, goal: int) -> None:
        """How far the command in hand is."""
        self.parts.progress.so_far(self, done, goal)

    @contextlib.contextmanager
    def in_pieces(self) -> Iterator[None]:
        """A response is sent in pieces: nothing else may be said meanwhile."""
        self._in_pieces = True
        try:
            yield
        finally:
            self._in_pieces = False

    def cut_off(self, why: BrokenAnswer) -> None:
        """Nothing more can be said."""
        self.log.warn("{account} at {peer} cut off: {error}", account=self.account, peer=self.peer, error=why)
        self.close()

    def end_if_gone(self) -> None:
        """There is no selected mailbox any more, and no way to say so but BYE."""
        if self._selection is not None and self._selection.view.gone:
            self.end(b"the selected mailbox is gone, please log in again")

    async def _refuse(self, event: Command, error: Exception) -> None:
        if isinstance(error, BadCommand):
            self.core.bad(event.tag, str(error).encode("ascii", "replace"), error.code)
        elif isinstance(error, MailError):
            if codes.is_ours(error):
                self.log.warn(
                    "{command} of {account} at {peer}: {error}",
                    command=type(event).__name__,
                    account=self.account,
                    peer=self.peer,
                    error=error,
                )
            await self.tell()
            self.core.fail(event.tag, error)
        else:
            self.log.failure("{command} failed for {account}", command=type(event).__name__, account=self.account)
            self.core.fail(event.tag, error)

    def end(self, text: bytes, code: bytes = b"") -> None:
        """Say BYE and close."""
        if not self.closing:
            self.core.bye(text, code)
            self.close()

    # -- what nobody asked for -----------------------------------------------------------------------------------

    async def show(self, items: tuple[FetchItem, ...], uids: list[int]) -> None:
        """FETCH responses with these of these messages."""
        raise NotImplementedError

    def woken(self) -> None:
        """Something changed in the selected mailbox."""
        imap_telling.woken(self)

    def owe(self) -> None:
        """There is something to be told unasked."""
        self._owing = True
        self.pump()

    def between(self) -> Deferred[object] | None:
        if not self._owing or not (self.core.idling or (self.notices is not None and self.core.quiet)):
            return None
        self._owing = False
        told: Deferred[object] = Deferred.fromCoroutine(self._tell_unasked())
        return told

    async def _tell_unasked(self) -> None:
        try:
            await imap_telling.unasked(self)
        except BrokenAnswer as error:
            self.cut_off(error)
        except MailError as error:
            self.log.warn("cannot tell {account} what happened: {error}", account=self.account, error=error)
        self.end_if_gone()

    def still_working(self, work: Work) -> bool:
        if self.closing or self.choked or self._in_pieces:
            return False
        self.core.untagged(responses.ok(b"still at it", codes.inprogress(work.tag, work.done, work.goal)))
        self.flush()
        return True

    def still_here(self) -> None:
        """The lookout's word for an idling client that heard nothing for long (RFC 2177 leaves untagged OK free)."""
        if self.core.idling and not self.closing and not self.choked:
            self.core.untagged(responses.ok(b"Still here"))
            self.flush()

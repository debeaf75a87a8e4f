"""IMAP for mail clients: every command of the language tied to the function that carries it out, and the factory.

RFC 3501 with the extensions that ``imap.capability`` lists.  The language is ``imap``'s, what a mailbox is the store's;
here they meet.  A session's state is in ``imap_session``, the commands are in the ``imap_*`` modules imported below.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from mailsuite.imap import events
from mailsuite.imap.events import Command, Hangup
from mailsuite.interfaces import IDirectory, IDraft, IMailStores, ITLSContexts
from mailsuite.net import imap_append, imap_fetch, imap_login, imap_messages, imap_names, imap_select
from mailsuite.net.imap_lookout import Lookout
from mailsuite.net.imap_session import IMAPSettings, Parts, Session
from mailsuite.net.login import Login
from mailsuite.net.throttle import Throttle

_Action: TypeAlias = Callable[[Session, Any], Coroutine[Any, Any, None] | Deferred[object] | None]

_ACTIONS: dict[type[Command], _Action] = {
    events.Capability: imap_login.capability,
    events.Id: imap_login.ident,
    events.Noop: imap_login.noop,
    events.Check: imap_login.noop,
    events.Logout: imap_login.logout,
    events.Enable: imap_login.enable,
    events.StartTls: imap_login.start_tls,
    events.Login: imap_login.login,
    events.AuthenticateBegin: imap_login.authenticate,
    events.AuthenticateResponse: imap_login.respond,
    events.Select: imap_select.select,
    events.Close: imap_select.close,
    events.Unselect: imap_select.unselect,
    events.IdleBegin: imap_select.begin_idle,
    events.IdleEnd: imap_select.end_idle,
    events.List: imap_names.list_mailboxes,
    events.Lsub: imap_names.lsub,
    events.Namespace: imap_names.namespace,
    events.Status: imap_names.status,
    events.Create: imap_names.create,
    events.Delete: imap_names.delete,
    events.Rename: imap_names.rename,
    events.Subscribe: imap_names.subscribe,
    events.AppendBegin: imap_append.begin,
    events.AppendChunk: imap_append.chunk,
    events.AppendEnd: imap_append.end,
    events.AppendAbort: imap_append.abort,
    events.Search: imap_messages.search,
    events.Store: imap_messages.store,
    events.Copy: imap_messages.copy,
    events.Expunge: imap_messages.expunge,
    events.Fetch: imap_fetch.fetch,
}


class IMAPConnection(Session):
    """One client."""

    def handle(self, event: object) -> Deferred[object] | None:
        if isinstance(event, Hangup):
            self.log.info("{peer} hung up on: {reason}", peer=self.peer, reason=event.reason)
            self.close()
            return None
        if not isinstance(event, Command):
            raise TypeError(f"not an event: {event!r}")
        done = _ACTIONS[type(event)](self, event)
        return self.carry_out(event, done) if isinstance(done, Coroutine) else done


class IMAPServerFactory(Factory):
    """Sessions of one listener.  Whether TLS comes first is the endpoint's affair: sessions see it."""

    log = Logger()
    noisy = False

    def __init__(
        self,
        settings: IMAPSettings,
        directory: IDirectory,
        stores: IMailStores,
        drafts: Callable[[], IDraft],
        tls: ITLSContexts,
        throttle: Throttle,
        clock: IReactorTime,
    ) -> None:
        """``drafts`` makes an empty draft (``IDelivery.draft``)."""
        self._parts = Parts(
            settings=settings,
            login=Login(directory, throttle, clock),
            stores=stores,
            drafts=drafts,
            tls=tls,
            clock=clock,
            lookout=Lookout(clock, settings.look_every, settings.looks_at_once, settings.still_here),
        )
        self._sessions: set[Session] = set()
        self._stopping = False
        self._all_ended: list[Deferred[None]] = []

    def buildProtocol(self, addr: IAddress | None) -> IMAPConnection | None:
        if self._stopping:
            return None
        session = IMAPConnection(self._parts, self._session_ended)
        self._sessions.add(session)
        return session

    def shut_down(self) -> Deferred[None]:
        """Say BYE to everybody, after the command in flight; fires when all connections are gone."""
        self._stopping = True
        if not self._sessions:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._all_ended.append(ended)
        for session in tuple(self._sessions):
            session.shut_down()
        return ended

    def _session_ended(self, session: Session) -> None:
        self._sessions.discard(session)
        if self._stopping and not self._sessions:
            waiting, self._all_ended = self._all_ended, []
            for each in waiting:
                each.callback(None)

"""IMAP for mail clients: every command of the language tied to the function that carries it out, and the factory.

RFC 3501 with the extensions that ``imap.capability`` lists.  The language is ``imap``'s, what a mailbox is the store's;
here they meet.  A session's state is in ``imap_session``, the commands are in the ``imap_*`` modules imported below.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.imap import codes, events, responses
from mailsuite.imap.events import Command, Hangup
from mailsuite.imap.items import FetchItem
from mailsuite.interfaces import IDraft, IMailStores, IQuotas, ITLSContexts
from mailsuite.net import (
    imap_acl,
    imap_append,
    imap_catenate,
    imap_contexts,
    imap_fetch,
    imap_find,
    imap_list,
    imap_login,
    imap_messages,
    imap_metadata,
    imap_multisearch,
    imap_names,
    imap_notify,
    imap_quota,
    imap_select,
    imap_urlauth,
)
from mailsuite.net.imap_following import Allowance
from mailsuite.net.imap_lookout import Lookout
from mailsuite.net.imap_parts import Parts
from mailsuite.net.imap_progress import Progress
from mailsuite.net.imap_session import Session
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.listening import Listening
from mailsuite.net.login import Login
from mailsuite.net.sessions import Door

_Action: TypeAlias = Callable[[Session, Any], Coroutine[Any, Any, None] | Deferred[object] | None]

_ACTIONS: dict[type[Command], _Action] = {
    events.Capability: imap_login.capability,
    events.Id: imap_login.ident,
    events.Noop: imap_login.noop,
    events.Check: imap_login.noop,
    events.Logout: imap_login.logout,
    events.Enable: imap_login.enable,
    events.StartTls: imap_login.start_tls,
    events.Compress: imap_login.compress,
    events.Unauthenticate: imap_login.unauthenticate,
    events.Login: imap_login.login,
    events.AuthenticateBegin: imap_login.authenticate,
    events.AuthenticateResponse: imap_login.respond,
    events.Select: imap_select.select,
    events.Close: imap_select.close,
    events.Unselect: imap_select.unselect,
    events.IdleBegin: imap_select.begin_idle,
    events.IdleEnd: imap_select.end_idle,
    events.Notify: imap_notify.notify,
    events.List: imap_list.list_mailboxes,
    events.Lsub: imap_list.lsub,
    events.Namespace: imap_names.namespace,
    events.Status: imap_names.status,
    events.Create: imap_names.create,
    events.Delete: imap_names.delete,
    events.Rename: imap_names.rename,
    events.Subscribe: imap_names.subscribe,
    events.SetAcl: imap_acl.set_acl,
    events.GetAcl: imap_acl.get_acl,
    events.ListRights: imap_acl.list_rights,
    events.MyRights: imap_acl.my_rights,
    events.GetMetadata: imap_metadata.get_metadata,
    events.SetMetadata: imap_metadata.set_metadata,
    events.GetQuota: imap_quota.get_quota,
    events.GetQuotaRoot: imap_quota.get_quota_root,
    events.SetQuota: imap_quota.set_quota,
    events.GenUrlAuth: imap_urlauth.generate,
    events.UrlFetch: imap_urlauth.fetch,
    events.ResetKey: imap_urlauth.reset,
    events.AppendBegin: imap_append.begin,
    events.AppendText: imap_append.text,
    events.AppendUrl: imap_catenate.url,
    events.AppendChunk: imap_append.chunk,
    events.AppendEnd: imap_append.end,
    events.AppendAbort: imap_append.abort,
    events.Search: imap_find.search,
    events.Sort: imap_find.sort,
    events.Thread: imap_find.thread,
    events.CancelUpdate: imap_contexts.cancel_update,
    events.MultiSearch: imap_multisearch.multisearch,
    events.SearchRefused: imap_find.refused,
    events.Store: imap_messages.store,
    events.Copy: imap_messages.copy,
    events.Expunge: imap_messages.expunge,
    events.UidBatches: imap_messages.uid_batches,
    events.Fetch: imap_fetch.fetch,
}

#: Before these it is asked each time whether the account is still there, before others once in a while.
_ALWAYS_ASK = frozenset({events.Select, events.Status, events.AppendBegin})
_NEVER_ASK = frozenset(
    {
        events.AppendText,
        events.AppendUrl,
        events.AppendChunk,
        events.AppendEnd,
        events.AppendAbort,
        events.Logout,
        events.Unauthenticate,
    }
)


#: What clients do between one message and the next.
_KEEP_FOLLOWING = frozenset({events.Fetch, events.Store, events.Noop})


class IMAPConnection(Session):
    """One client."""

    _greeted = False

    async def show(self, items: tuple[FetchItem, ...], uids: list[int]) -> None:
        await imap_fetch.show(self, items, uids)

    def handle(self, event: object) -> Deferred[object] | None:
        if isinstance(event, Hangup):
            self.log.info("{peer} hung up on: {reason}", peer=self.peer, reason=event.reason)
            self.close()
            return None
        if not isinstance(event, Command):
            raise TypeError(f"not an event: {event!r}")
        action = _ACTIONS[type(event)]
        if type(event) not in _KEEP_FOLLOWING:
            self.following.clear()
        if self._must_ask(event):
            return self.carry_out(event, self._ask_first(action, event))
        done = action(self, event)
        return self.carry_out(event, done) if isinstance(done, Coroutine) else done

    def _must_ask(self, event: Command) -> bool:
        """Whether the account may have been removed since the login, and it matters."""
        if not self.account or type(event) in _NEVER_ASK:
            return False
        return type(event) in _ALWAYS_ASK or self.clock.seconds() - self.asked_at >= self.settings.account_check

    async def _ask_first(self, action: _Action, event: Command) -> None:
        try:
            await self.parts.login.confirm(self.entered)
        except (NotFound, NotAllowed) as error:
            self.log.info("{peer}: session ended: {error}", peer=self.peer, error=error)
            self.dismissed()
            self.close()
            return
        except MailError as error:  # nobody can tell: no reason to keep people from their mail
            self.log.warn("cannot look for account {account}: {error}", account=self.account, error=error)
        self.asked_at = self.clock.seconds()
        done = action(self, event)
        if done is not None:
            await done

    # -- the connection calls these ------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        super().connectionMade()
        if not self.secure:
            self._greet()

    def secured(self) -> None:
        """The greeting tells what AUTHENTICATE can do, which depends on the handshake."""
        if not self._greeted:
            self._greet()

    def _greet(self) -> None:
        self._greeted = True
        name = self.settings.hostname.encode("ascii", "replace")
        self.core.greet(name + b" ready", codes.capability(self.capabilities(self.core.state)))
        self.flush()

    @property
    def logged_in(self) -> str:
        return self.account

    def ends_at(self) -> float:
        return math.inf if self.account else self.connected_at + self.settings.login_limit

    def timed_out(self) -> None:
        self.hits["timeouts.imap"] += 1
        self.end(b"nothing heard for too long")

    def expired(self) -> None:
        self.hits["timeouts.login"] += 1
        self.end(b"no login for too long")

    def garbled(self) -> None:
        self.core.bye(b"this is not compressed as it should be")

    def endless(self) -> None:
        self.core.bye(b"too much was sent without a command")

    def faulted(self, failure: Failure) -> None:
        self.core.bye(b"an error of the server, it has been logged", codes.SERVERBUG)

    def stopping(self) -> None:
        self.core.bye(b"the server is going down, try again soon", codes.UNAVAILABLE)

    def dismissed(self) -> None:
        self.core.bye(b"the account is gone or disabled, or its password was changed; log in again")

    def ended(self) -> None:
        self.log_out()
        self.parts.progress.leave(self)
        self._ended(self)


class IMAPServerFactory(Listening):
    """One listener; see ``Listening`` for ``admission``."""

    stopping = responses.bye(b"the server is going down, try again soon", codes.UNAVAILABLE)
    service = "imap"
    full = responses.bye(b"all connections of this server are in use, try again in a minute", codes.UNAVAILABLE)
    crowded = responses.bye(b"too many connections from your network, close one first", codes.UNAVAILABLE)

    def __init__(
        self,
        settings: IMAPSettings,
        stores: IMailStores,
        drafts: Callable[[], IDraft],
        login: Login,
        admission: Door,
        tls: ITLSContexts,
        clock: IReactorTime,
        quotas: IQuotas,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """``drafts`` makes an empty draft (``IDelivery.draft``); ``random`` so many octets that nobody can guess."""
        super().__init__(admission, settings.trusted, tls, clock, settings.client_ca)
        lookout = Lookout(clock, settings.look_every, settings.looks_at_once, settings.still_here)
        self._parts = Parts(
            settings, login, stores, drafts, tls, clock, lookout, quotas, random, Allowance(), Progress(clock)
        )

    def connection(self, address: str, port: int, trusted: bool) -> IMAPConnection:
        session = IMAPConnection(self._parts, address, self._ended)
        self.sessions.add(session)
        return session

    def _ended(self, session: Session) -> None:
        self.left(session.address, session)

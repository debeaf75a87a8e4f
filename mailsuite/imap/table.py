"""Every command in one table: who reads it, in which states it is allowed, what it does to the state, its RFC.

RFC 3501 section 3 draws the states; sections 5.5 and 7.4.1 say when EXPUNGE responses must be held back.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from mailsuite.imap import codes
from mailsuite.imap.commands import (
    append,
    authenticate,
    cancelupdate,
    capability,
    check,
    close,
    compress,
    copy,
    create,
    delete,
    deleteacl,
    enable,
    esearch,
    expunge,
    fetch,
    genurlauth,
    getacl,
    getmetadata,
    getquota,
    getquotaroot,
    id,
    idle,
    list,
    listrights,
    login,
    logout,
    lsub,
    move,
    myrights,
    namespace,
    noop,
    notify,
    rename,
    replace,
    resetkey,
    search,
    select,
    setacl,
    setmetadata,
    setquota,
    sort,
    starttls,
    status,
    store,
    subscribe,
    thread,
    uidbatches,
    unauthenticate,
    unselect,
    urlfetch,
)
from mailsuite.imap.dialect import REV1, Dialect
from mailsuite.imap.events import Command
from mailsuite.imap.states import State
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError


class Row(msgspec.Struct, frozen=True):
    """One command.

    ``at_once`` is the state from the moment that the command is understood, ``after_ok`` the one after its OK; None
    leaves it.  ``expunges``: EXPUNGE responses may be sent while it runs.  ``appends``: messages follow what ``parse``
    reads, which is a mailbox name after so many words.
    """

    rfc: str
    parse: Callable[[Cursor, bytes], Command]
    states: frozenset[State]
    expunges: bool = True
    at_once: State | None = None
    after_ok: State | None = None
    appends: bool = False
    words_before_name: int = 0


_ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
_BEFORE_LOGIN = frozenset({State.NOT_AUTHENTICATED})
_AFTER_LOGIN = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED = frozenset({State.SELECTED})

COMMANDS: dict[bytes, Row] = {
    b"CAPABILITY": Row("RFC 3501 6.1.1", capability.parse, _ANY),
    b"NOOP": Row("RFC 3501 6.1.2", noop.parse, _ANY),
    b"LOGOUT": Row("RFC 3501 6.1.3", logout.parse, _ANY, after_ok=State.LOGOUT),
    b"ID": Row("RFC 2971", id.parse, _ANY),
    b"STARTTLS": Row("RFC 3501 6.2.1", starttls.parse, _BEFORE_LOGIN),
    b"AUTHENTICATE": Row("RFC 3501 6.2.2", authenticate.parse, _BEFORE_LOGIN, after_ok=State.AUTHENTICATED),
    b"LOGIN": Row("RFC 3501 6.2.3", login.parse, _BEFORE_LOGIN, after_ok=State.AUTHENTICATED),
    b"ENABLE": Row("RFC 5161", enable.parse, _AFTER_LOGIN),
    b"SELECT": Row("RFC 3501 6.3.1", select.parse, _AFTER_LOGIN, at_once=State.AUTHENTICATED, after_ok=State.SELECTED),
    b"EXAMINE": Row(
        "RFC 3501 6.3.2", select.parse_examine, _AFTER_LOGIN, at_once=State.AUTHENTICATED, after_ok=State.SELECTED
    ),
    b"CREATE": Row("RFC 3501 6.3.3", create.parse, _AFTER_LOGIN),
    b"DELETE": Row("RFC 3501 6.3.4", delete.parse, _AFTER_LOGIN),
    b"RENAME": Row("RFC 3501 6.3.5", rename.parse, _AFTER_LOGIN),
    b"SUBSCRIBE": Row("RFC 3501 6.3.6", subscribe.parse, _AFTER_LOGIN),
    b"UNSUBSCRIBE": Row("RFC 3501 6.3.7", subscribe.parse_unsubscribe, _AFTER_LOGIN),
    b"LIST": Row("RFC 3501 6.3.8", list.parse, _AFTER_LOGIN),
    b"LSUB": Row("RFC 3501 6.3.9", lsub.parse, _AFTER_LOGIN),
    b"STATUS": Row("RFC 3501 6.3.10", status.parse, _AFTER_LOGIN),
    b"APPEND": Row("RFC 3501 6.3.11", append.parse, _AFTER_LOGIN, appends=True),
    b"GENURLAUTH": Row("RFC 4467 7", genurlauth.parse, _AFTER_LOGIN),
    b"URLFETCH": Row("RFC 4467 7", urlfetch.parse, _AFTER_LOGIN),
    b"RESETKEY": Row("RFC 4467 7", resetkey.parse, _AFTER_LOGIN),
    b"NAMESPACE": Row("RFC 2342", namespace.parse, _AFTER_LOGIN),
    b"SETACL": Row("RFC 4314 3.1", setacl.parse, _AFTER_LOGIN),
    b"DELETEACL": Row("RFC 4314 3.2", deleteacl.parse, _AFTER_LOGIN),
    b"GETACL": Row("RFC 4314 3.3", getacl.parse, _AFTER_LOGIN),
    b"LISTRIGHTS": Row("RFC 4314 3.4", listrights.parse, _AFTER_LOGIN),
    b"MYRIGHTS": Row("RFC 4314 3.5", myrights.parse, _AFTER_LOGIN),
    b"GETMETADATA": Row("RFC 5464 4.2", getmetadata.parse, _AFTER_LOGIN),
    b"SETMETADATA": Row("RFC 5464 4.3", setmetadata.parse, _AFTER_LOGIN),
    b"GETQUOTA": Row("RFC 9208 4.1.1", getquota.parse, _AFTER_LOGIN),
    b"GETQUOTAROOT": Row("RFC 9208 4.1.2", getquotaroot.parse, _AFTER_LOGIN),
    b"SETQUOTA": Row("RFC 9208 4.1.3", setquota.parse, _AFTER_LOGIN),
    b"ESEARCH": Row("RFC 7377", esearch.parse, _AFTER_LOGIN),
    b"COMPRESS": Row("RFC 4978", compress.parse, _AFTER_LOGIN),
    b"UNAUTHENTICATE": Row("RFC 8437", unauthenticate.parse, _AFTER_LOGIN, after_ok=State.NOT_AUTHENTICATED),
    b"NOTIFY": Row("RFC 5465", notify.parse, _AFTER_LOGIN),
    b"IDLE": Row("RFC 2177", idle.parse, _AFTER_LOGIN),
    b"CHECK": Row("RFC 3501 6.4.1", check.parse, _SELECTED),
    b"CLOSE": Row("RFC 3501 6.4.2", close.parse, _SELECTED, after_ok=State.AUTHENTICATED),
    b"UNSELECT": Row("RFC 3691", unselect.parse, _SELECTED, after_ok=State.AUTHENTICATED),
    b"EXPUNGE": Row("RFC 3501 6.4.3", expunge.parse, _SELECTED),
    b"SEARCH": Row("RFC 3501 6.4.4", search.parse, _SELECTED, expunges=False),
    b"CANCELUPDATE": Row("RFC 5267 4.3.5", cancelupdate.parse, _SELECTED),
    b"SORT": Row("RFC 5256 3", sort.parse, _SELECTED, expunges=False),
    b"THREAD": Row("RFC 5256 3", thread.parse, _SELECTED, expunges=False),
    b"FETCH": Row("RFC 3501 6.4.5", fetch.parse, _SELECTED, expunges=False),
    b"STORE": Row("RFC 3501 6.4.6", store.parse, _SELECTED, expunges=False),
    b"COPY": Row("RFC 3501 6.4.7", copy.parse, _SELECTED),
    b"MOVE": Row("RFC 6851", move.parse, _SELECTED),
    b"REPLACE": Row("RFC 8508 3.2", replace.parse, _SELECTED, appends=True, words_before_name=1),
    b"UID REPLACE": Row("RFC 8508 3.3", replace.parse_uid, _SELECTED, appends=True, words_before_name=1),
    b"UIDBATCHES": Row("RFC 10022", uidbatches.parse, _SELECTED),
    b"UID EXPUNGE": Row("RFC 4315 2.1", expunge.parse_uid, _SELECTED),
    b"UID SEARCH": Row("RFC 3501 6.4.8", search.parse_uid, _SELECTED),
    b"UID SORT": Row("RFC 5256 3", sort.parse_uid, _SELECTED),
    b"UID THREAD": Row("RFC 5256 3", thread.parse_uid, _SELECTED),
    b"UID FETCH": Row("RFC 3501 6.4.8", fetch.parse_uid, _SELECTED),
    b"UID STORE": Row("RFC 3501 6.4.8", store.parse_uid, _SELECTED),
    b"UID COPY": Row("RFC 3501 6.4.8", copy.parse_uid, _SELECTED),
    b"UID MOVE": Row("RFC 6851", move.parse_uid, _SELECTED),
}


_NAME = re.compile(rb"[A-Za-z0-9]+")
_NOT_NOW = {
    State.NOT_AUTHENTICATED: "log in first",
    State.AUTHENTICATED: "select a mailbox first",
    State.SELECTED: "you are logged in already",
}


class Head(msgspec.Struct, frozen=True):
    """The beginning of a command; ``cursor`` stands behind the name."""

    tag: bytes
    name: bytes
    row: Row
    cursor: Cursor

    def parse(self) -> Command:
        return self.row.parse(self.cursor, self.tag)


def tag_of(data: bytes) -> bytes:
    """The tag that ``data`` begins with; empty if it does not begin with one."""
    found = strings.TAG.match(data)
    return found.group() if found is not None and data[found.end() : found.end() + 1] in (b" ", b"") else b""


def head(data: bytes, state: State, dialect: Dialect = REV1) -> Head:
    """Which command this is; ProtocolError if there is none such, or not in this state."""
    cursor = Cursor(data, dialect)
    tag = cursor.take(strings.TAG, "a tag")
    cursor.space()
    name = cursor.take(_NAME, "a command").upper()
    if name == b"UID":
        cursor.space()
        name += b" " + cursor.take(_NAME, "a command").upper()
    row = COMMANDS.get(name)
    if row is None:
        raise ProtocolError(f"unknown command {name[:40].decode()}")
    if state not in row.states:
        late = State.NOT_AUTHENTICATED in row.states
        why = _NOT_NOW[State.SELECTED if late else state]
        # too early it may only stand behind a LOGIN or SELECT that failed; RFC 5530 §3
        raise ProtocolError(f"{name.decode()} is not allowed now: {why}", codes.CLIENTBUG if late else b"")
    return Head(tag, name, row, cursor)

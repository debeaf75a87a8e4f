"""What FETCH and SEARCH want to know of messages: from the index where it is there, else from the file.

Blocking, with the account's lock held; ``search`` and ``render_waiting`` take it themselves, and not while they read
messages.  A file that is not where the index says is looked for once more; if it is gone then, so is the message.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from mailsuite.disk.body import SMALL, open_body, read_stored
from mailsuite.disk.meaning import meaning_of
from mailsuite.disk.opening import open_file
from mailsuite.disk.summary import Rendered, summarize_file
from mailsuite.errors import Expunged, NotFound
from mailsuite.interfaces import IBody
from mailsuite.mime.header import header_end
from mailsuite.mime.identity import email_id, thread_id
from mailsuite.mime.lines import to_crlf
from mailsuite.model import Fetched, Flags
from mailsuite.query import Query
from mailsuite.store.account import AccountMail
from mailsuite.store.filename import saved_at
from mailsuite.store.folder import Folder
from mailsuite.store.index import Row
from mailsuite.store.search import identifies, matches

_T = TypeVar("_T")

#: UIDs in one ``fetch``.
MAX_FETCH = 1000
#: Octets of a header, as stored.
MAX_HEADER = 1 << 20
#: Octets of messages after which one ``search`` ends.
SEARCH_OCTETS = 4 << 20
_HEADER_GUESS = 16 * 1024
_RENDERED = {"envelope": 0, "structure": 1, "body": 2, "emailid": 3, "threadid": 4}


def permanent_name(uid: int, uidvalidity: int) -> str:
    """For POP3's UIDL: Dovecot's default form, so that a Maildir taken over from it keeps its names."""
    return f"{uid:08x}{uidvalidity:08x}"


def fetch(folder: Folder, uids: Sequence[int], items: Sequence[str]) -> list[Fetched]:
    """See ``IMailbox.fetch``."""
    if len(uids) > MAX_FETCH:
        raise ValueError(f"at most {MAX_FETCH} UIDs a call")
    folder.must_be_there()
    rows = folder.account.index.rows(folder.id, uids)
    rendered = render(folder, rows) if not _RENDERED.keys().isdisjoint(items) else {}
    columns = [_column(item, folder, rendered) for item in items]
    found = []
    for row in rows:
        try:
            found.append(Fetched(row.uid, tuple(column(row) for column in columns)))
        except Expunged:
            continue
    return found


def _column(item: str, folder: Folder, rendered: dict[int, Rendered]) -> Callable[[Row], object]:
    match item:
        case "flags":
            return lambda row: folder.flags_of(row.uid, row.letters)
        case "size":
            return lambda row: row.wire
        case "date":
            return lambda row: row.date
        case "saved":
            return _saved
        case "modseq":
            return lambda row: row.modseq
        case "name":
            return lambda row: permanent_name(row.uid, folder.counters.uidvalidity)
        case "header":
            return lambda row: to_crlf(stored_header(folder, row))
        case "envelope" | "structure" | "body":
            return lambda row: _part(rendered, row.uid, _RENDERED[item])
        case "emailid":
            return lambda row: email_id(_part(rendered, row.uid, 3), row.date)
        case "threadid":
            return lambda row: thread_id(_part(rendered, row.uid, 3), _part(rendered, row.uid, 4))
    raise ValueError(f"no such item: {item}")


def _saved(row: Row) -> float:
    """When it came into its mailbox, which its name tells (``filename.Unique``): COPY and MOVE give a new one."""
    return saved_at(row.base) or row.date


def _part(rendered: dict[int, Rendered], uid: int, which: int) -> bytes:
    if uid not in rendered:
        raise Expunged("the message is gone")
    return rendered[uid][which]


def render(folder: Folder, rows: Sequence[Row]) -> dict[int, Rendered]:
    """What the index has of these, and what it lacks made now and kept."""
    rendered = folder.account.index.rendered(folder.id, [row.uid for row in rows])
    made = _made(folder, [row for row in rows if row.uid not in rendered])
    _keep(folder, made)
    rendered.update(made)
    return rendered


def render_waiting(account: AccountMail, limit: int) -> bool:
    """Render some of the new messages, before anyone asks; whether there are more.

    Without the account's lock but to look and to keep: mail that arrives meanwhile must not wait for this."""
    lacking: list[tuple[Folder, list[Row]]] = []
    with account.locked(see_all=False):
        taken = account.take_unrendered(limit)
        for folder, uids in taken.items():
            if not folder.gone:
                rendered = account.index.rendered(folder.id, uids)
                rows = account.index.rows(folder.id, uids)
                lacking.append((folder, [row for row in rows if row.uid not in rendered]))
    for folder, rows in lacking:
        made = _made(folder, rows)
        with account.locked(see_all=False):
            if not folder.gone:
                there = {row.uid for row in account.index.rows(folder.id, [uid for uid, _ in made])}
                _keep(folder, [(uid, parts) for uid, parts in made if uid in there])
    return sum(map(len, taken.values())) == limit


def _made(folder: Folder, rows: Sequence[Row]) -> list[tuple[int, Rendered]]:
    """What the files of these hold, of those that are there."""
    made: list[tuple[int, Rendered]] = []
    found = folder.account.resources.summarize([folder.path_of(row) for row in rows]) if rows else ()
    for row, parts in zip(rows, found, strict=True):
        try:
            made.append((row.uid, parts or from_file(folder, row, summarize_file)))
        except NotFound:  # the message or its mailbox is gone
            continue
    return made


def _keep(folder: Folder, made: Sequence[tuple[int, Rendered]]) -> None:
    if made:
        with folder.account.index.transaction():
            folder.account.index.keep_rendered(folder.id, made)


def stored_header(folder: Folder, row: Row) -> bytes:
    """The header block as it is stored; ``Expunged``."""
    return from_file(folder, row, _header)


def _header(path: str) -> bytes:
    octets = read_stored(path, _HEADER_GUESS)
    end = header_end(octets)
    if end == len(octets) == _HEADER_GUESS:
        octets = read_stored(path, MAX_HEADER)
        end = header_end(octets)
    return octets[:end]


def from_file(folder: Folder, row: Row, read: Callable[[str], _T]) -> _T:
    """``read`` the message's file, wherever it is; ``Expunged``.  Takes the lock only to look for a file that moved."""
    try:
        return read(folder.path_of(row))
    except FileNotFoundError:
        with folder.account.locked():
            folder.look(force=True)
            rows = folder.account.index.rows(folder.id, [row.uid])
    try:
        return read(folder.path_of(rows[0]))
    except (FileNotFoundError, IndexError):
        raise Expunged("the message is gone") from None


def opened(folder: Folder, uid: int) -> IBody:
    """The message's octets; ``Expunged``."""
    rows = folder.account.index.rows(folder.id, [uid])
    if not rows:
        raise Expunged("the message is gone")

    def read(path: str) -> IBody:
        trusted = rows[0].stored > SMALL and os.stat(path).st_size == rows[0].stored
        return open_body(path, folder.account.resources.offload, size=rows[0].wire if trusted else None)

    return from_file(folder, rows[0], read)


class Searched:
    """A row as ``search.Subject``; made with the lock held, asked without.  ``octets``: how many were read for it."""

    def __init__(self, folder: Folder, row: Row, identity: Sequence[bytes] = ()) -> None:
        """``identity``: the digests of content and thread, if the index has them."""
        self._folder = folder
        self._row = row
        self._identity = identity
        self.uid = row.uid
        self.size = row.wire
        self.date = row.date
        self.saved = _saved(row)
        self.modseq = row.modseq
        self.flags: Flags = folder.flags_of(row.uid, row.letters)
        self.octets = 0

    def email_id(self) -> bytes:
        return email_id(self._digests()[0], self.date)

    def thread_id(self) -> bytes:
        return thread_id(*self._digests())

    def _digests(self) -> Sequence[bytes]:
        if not self._identity:
            self._identity = from_file(self._folder, self._row, summarize_file)[3:]
            self.octets += self._row.stored
        return self._identity

    def header(self) -> bytes:
        return self._read(_header)

    def raw(self) -> bytes:
        return self._read(_whole)

    def _read(self, read: Callable[[str], bytes]) -> bytes:
        octets = from_file(self._folder, self._row, read)
        self.octets += len(octets)
        return octets


def _whole(path: str) -> bytes:
    with open(open_file(path), "rb", buffering=0) as file:
        return file.read()


class SearchPart(msgspec.Struct, frozen=True):
    """What one ``search`` came to: the UIDs that match of the first ``examined`` that were asked about."""

    found: list[int]
    examined: int


def search(folder: Folder, query: Query, uids: Sequence[int]) -> SearchPart:
    """Those of the first ``uids`` that match: of all, or of fewer when ``SEARCH_OCTETS`` were read; ``uids`` ascend.

    Others deliver and look while messages are read: only the list of them is made with the lock held."""
    with folder.account.locked():
        folder.must_be_there()
        index = folder.account.index
        known = index.identities(folder.id, uids) if identifies(query) else {}
        subjects = [Searched(folder, row, known.get(row.uid, ())) for row in index.rows(folder.id, uids)]
    found: list[int] = []
    read = 0
    for subject in subjects:
        if read >= SEARCH_OCTETS:
            return SearchPart(found, bisect.bisect_left(uids, subject.uid))
        if _answers(subject, query):
            found.append(subject.uid)
        read += subject.octets
    return SearchPart(found, len(uids))


def _answers(subject: Searched, query: Query) -> bool:
    """False for what is gone meanwhile."""
    try:
        return matches(query, subject)
    except Expunged:
        return False
    except OSError as error:
        raise meaning_of(error, "a message") from error

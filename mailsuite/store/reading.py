"""What FETCH and SEARCH want to know of messages: from the index where it is there, else from the file.

Blocking, with the account's lock held; ``search`` and ``render_waiting`` take it themselves, and not while they read
messages.  A file that is not where the index says is looked for once more; if it is gone then, so is the message.
"""

from __future__ import annotations

import bisect
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import TypeVar, cast

import msgspec

from mailsuite.disk.body import SMALL, open_body, read_stored
from mailsuite.disk.meaning import meaning_of
from mailsuite.disk.opening import open_file
from mailsuite.disk.summary import PIECE, Rendered, summarize_file
from mailsuite.errors import Expunged, NotFound
from mailsuite.interfaces import IBody
from mailsuite.mime import header
from mailsuite.mime.header import header_end
from mailsuite.mime.identity import email_id, thread_id
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.preview import MAX_MESSAGE, preview
from mailsuite.model import Fetched, Flags
from mailsuite.query import Query
from mailsuite.store.account import AccountMail
from mailsuite.store.filename import saved_at
from mailsuite.store.folder import Folder
from mailsuite.store.header_sets import Names
from mailsuite.store.places import Row
from mailsuite.store.search import identifies, matches

_T = TypeVar("_T")

#: UIDs in one ``fetch``.
MAX_FETCH = 1000
#: Octets of a header, as stored.
MAX_HEADER = 1 << 20
#: Octets of messages after which one ``search`` ends.
SEARCH_OCTETS = 4 << 20
_HEADER_GUESS = 16 * 1024
#: Items that are columns of the index, and what they are called there.
#: Reals take SQLite thrice as long to write as integers.
_STORED = {"size": "wire", "date": "date", "second": "cast(date AS INTEGER)", "modseq": "modseq"}
_RENDERED = frozenset(("envelope", "structure", "body"))
#: Items that are made of what is rendered.
_IDS = frozenset(("emailid", "threadid"))
#: RFC 8970.
_PREVIEWS = frozenset(("preview", "known_preview"))
#: What an item begins with that asks for header fields.
_FIELDS = "fields "
#: Header fields that were asked of so many messages at once are kept.
MANY = 20
#: Characters in the names of such a set.
MAX_NAMES = 1000


def permanent_name(uid: int, uidvalidity: int) -> str:
    """For POP3's UIDL: Dovecot's default form, so that a Maildir taken over from it keeps its names."""
    return f"{uid:08x}{uidvalidity:08x}"


def fetch(folder: Folder, uids: Sequence[int], items: Sequence[str]) -> Fetched:
    """See ``IMailbox.fetch``."""
    if len(uids) > MAX_FETCH:
        raise ValueError(f"at most {MAX_FETCH} UIDs a call")
    folder.must_be_there()
    uids = sorted(set(uids))
    parts = [_of_messages(folder, uids, [item for item in items if item in _STORED])]
    if rendered := [item for item in items if item in _RENDERED]:
        parts.append(_of_summaries(folder, uids, rendered))
    if ids := [item for item in items if item in _IDS]:
        parts.append(_of_ids(folder, uids, ids))
    fields = [item for item in items if item.startswith(_FIELDS)]
    parts += [_of_fields(folder, uids, item) for item in fields]
    previews = [item for item in items if item in _PREVIEWS]
    parts += [_of_previews(folder, uids, item) for item in previews]
    if others := [item for item in items if item not in {*_STORED, *_RENDERED, *_IDS, *fields, *previews}]:
        parts.append(_of_rows(folder, uids, others))
    found = _in_step(parts, items)
    if len(found) == len(uids):
        folder.account.resources.lately_read.keep(folder, items, found)
    return found


class _Part(msgspec.Struct, frozen=True):
    """Some of the columns that were asked for, of the messages that were there."""

    uids: list[int]
    columns: dict[str, Sequence[object]]

    def only(self, uids: Sequence[int]) -> dict[str, Sequence[object]]:
        if uids == self.uids:
            return self.columns
        chosen = list(map(frozenset(uids).__contains__, self.uids))
        return {item: list(compress(column, chosen)) for item, column in self.columns.items()}


def _in_step(parts: Sequence[_Part], items: Sequence[str]) -> Fetched:
    """Of the messages that are in all parts."""
    uids = parts[0].uids
    for part in parts[1:]:
        if part.uids != uids:
            uids = sorted(frozenset(uids).intersection(part.uids))
    columns: dict[str, Sequence[object]] = {}
    for part in parts:
        columns |= part.only(uids)
    return Fetched(uids, tuple(columns[item] for item in items))


def _of_messages(folder: Folder, uids: Sequence[int], items: Sequence[str]) -> _Part:
    names = [_STORED[item] for item in items]
    there, columns = folder.account.index.columns(folder.id, uids, "message", names or ["wire"])
    return _Part(there, dict(zip(items, columns, strict=False)))


def _of_summaries(folder: Folder, uids: Sequence[int], items: Sequence[str]) -> _Part:
    """What is not rendered yet is, and kept."""
    index = folder.account.index
    there, columns = index.columns(folder.id, uids, "summary", items)
    if len(there) < len(uids):
        render(folder, index.rows(folder.id, sorted(frozenset(uids).difference(there))))
        there, columns = index.columns(folder.id, uids, "summary", items)
    return _Part(there, dict(zip(items, columns, strict=True)))


def _of_ids(folder: Folder, uids: Sequence[int], items: Sequence[str]) -> _Part:
    """RFC 8474 §5: the octets and the date make an EMAILID."""
    dates = _of_messages(folder, uids, ["date"])
    parts = _of_summaries(folder, dates.uids, ["digest", "thread"])
    known = dates.only(parts.uids)["date"], parts.columns["digest"], parts.columns["thread"]
    rows = cast(Iterator[tuple[float, bytes, bytes]], zip(*known, strict=True))
    made = [(email_id(digest, date), thread_id(digest, thread)) for date, digest, thread in rows]
    emails, threads = zip(*made, strict=True) if made else ((), ())
    return _Part(parts.uids, {item: emails if item == "emailid" else threads for item in items})


def _of_fields(folder: Folder, uids: Sequence[int], item: str) -> _Part:
    """What was not asked before is read from the messages, and kept if many are asked for."""
    sets, names = folder.account.index.header_sets, item.removeprefix(_FIELDS)
    if len(uids) >= MANY and len(names) <= MAX_NAMES:
        sets.learn(names)
    there, blocks = sets.read(names, folder.id, uids)
    if len(there) < len(uids):
        made = _fields_made(folder, sorted(frozenset(uids).difference(there)), names)
        with folder.account.index.transaction():
            sets.keep(names, folder.id, made.items())
        found = sorted([*zip(there, blocks, strict=True), *made.items()])
        there, blocks = [uid for uid, _ in found], [block for _, block in found]
    return _Part(there, {item: blocks})


def _fields_made(folder: Folder, uids: Sequence[int], names: Names) -> dict[int, bytes]:
    wanted = names.encode().split()
    made: dict[int, bytes] = {}
    for row in folder.account.index.rows(folder.id, uids):
        with contextlib.suppress(Expunged):
            made[row.uid] = header.select(stored_header(folder, row), wanted)
    return made


def _of_previews(folder: Folder, uids: Sequence[int], item: str) -> _Part:
    """What the index has, and for ``preview`` the others made now, and kept."""
    index = folder.account.index
    rows = index.rows(folder.id, uids)
    known: dict[int, str] = index.previews(folder.id, uids)
    made: dict[int, str] = {}
    for row in rows if item == "preview" else ():
        if row.uid not in known:
            with contextlib.suppress(Expunged):
                made[row.uid] = preview(from_file(folder, row, _beginning))
    if made:
        with index.transaction():
            index.keep_previews(folder.id, made)
        known |= made
    there = [row.uid for row in rows if item != "preview" or row.uid in known]
    return _Part(there, {item: [known.get(uid) for uid in there]})


def _beginning(path: str) -> bytes:
    return read_stored(path, MAX_MESSAGE)


def _of_rows(folder: Folder, uids: Sequence[int], items: Sequence[str]) -> _Part:
    """What is asked of few messages at a time."""
    values = [_value(item, folder) for item in items]
    found: dict[int, list[object]] = {}
    for row in folder.account.index.rows(folder.id, uids):
        with contextlib.suppress(Expunged):
            found[row.uid] = [value(row) for value in values]
    columns = zip(*found.values(), strict=True) if found else [()] * len(items)
    return _Part(list(found), dict(zip(items, columns, strict=True)))


def _value(item: str, folder: Folder) -> Callable[[Row], object]:
    match item:
        case "flags":
            return lambda row: folder.lettering.flags_of(row.uid, row.letters)
        case "saved":
            return _saved
        case "name":
            return lambda row: permanent_name(row.uid, folder.counters.uidvalidity)
        case "header":
            return lambda row: to_crlf(stored_header(folder, row))
    raise ValueError(f"no such item: {item}")


def _saved(row: Row) -> float:
    """When it came into its mailbox, which its name tells (``filename.Unique``): COPY and MOVE give a new one."""
    return saved_at(row.base) or row.date


def render(folder: Folder, rows: Sequence[Row]) -> None:
    """What the index lacks of these is made now and kept."""
    sets = folder.account.index.header_sets.known
    _keep(folder, _made(folder, rows, sets), sets)


def render_waiting(account: AccountMail, limit: int) -> bool:
    """Render some of the new messages, before anyone asks; whether there are more.

    Without the account's lock but to look and to keep: mail that arrives meanwhile must not wait for this."""
    lacking: list[tuple[Folder, list[Row]]] = []
    with account.locked(see_all=False):
        taken = account.unrendered.take(limit)
        sets = account.index.header_sets.known
        for folder, uids in taken.items():
            if not folder.gone:
                rendered = account.index.rendered(folder.id, uids)
                rows = account.index.rows(folder.id, uids)
                lacking.append((folder, [row for row in rows if row.uid not in rendered]))
    for folder, rows in lacking:
        made = _made(folder, rows, sets)
        with account.locked(see_all=False):
            if not folder.gone:
                there = {row.uid for row in account.index.rows(folder.id, [uid for uid, _ in made])}
                _keep(folder, [(uid, parts) for uid, parts in made if uid in there], sets)
    return sum(map(len, taken.values())) == limit


def _made(folder: Folder, rows: Sequence[Row], sets: Sequence[Names]) -> list[tuple[int, Rendered]]:
    """What the files of these hold, of those that are there."""
    made: list[tuple[int, Rendered]] = []
    found = folder.account.resources.summarize([folder.path_of(row) for row in rows], sets) if rows else ()
    for row, parts in zip(rows, found, strict=True):
        try:
            made.append((row.uid, parts or from_file(folder, row, lambda path: summarize_file(path, sets))))
        except NotFound:  # the message or its mailbox is gone
            continue
    return made


def _keep(folder: Folder, made: Sequence[tuple[int, Rendered]], sets: Sequence[Names]) -> None:
    if made:
        with folder.account.index.transaction():
            folder.account.index.keep_rendered(folder.id, made, sets)


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
        for path in folder.behind.paths_before(row.uid):
            with contextlib.suppress(FileNotFoundError):
                return read(path)
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
        self.flags: Flags = folder.lettering.flags_of(row.uid, row.letters)
        self.octets = 0

    def email_id(self) -> bytes:
        return email_id(self._digests()[0], self.date)

    def thread_id(self) -> bytes:
        return thread_id(*self._digests())

    def _digests(self) -> Sequence[bytes]:
        if not self._identity:
            self._identity = from_file(self._folder, self._row, lambda path: summarize_file(path, ())[3:5])
            self.octets += self._row.stored
        return self._identity

    def header(self) -> bytes:
        octets = from_file(self._folder, self._row, _header)
        self.octets += len(octets)
        return octets

    def pieces(self) -> Iterator[bytes]:
        with open(from_file(self._folder, self._row, open_file), "rb", buffering=0) as file:
            while octets := file.read(PIECE):
                self.octets += len(octets)
                yield octets


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

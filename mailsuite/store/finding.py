"""Finds messages of a mailbox by what they hold: what the index of an account does not know, its ``FindIndex`` does.

Blocking, without the account's lock, which each function takes where it needs it; never while it reads messages or asks
the ``FindIndex``.  That is made on the way: before texts are looked for, ``learn`` has those messages read of which
nothing is known yet, some at a time, so that others have their turn in between.
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import starmap
from typing import TypeAlias

from mailsuite import query as q
from mailsuite.disk.findable import Findable, examine_file
from mailsuite.disk.meaning import meaning_of
from mailsuite.errors import Expunged
from mailsuite.mime import fuzzy
from mailsuite.mime.collation import wanted
from mailsuite.mime.header_text import field_start
from mailsuite.mime.search import Key, day_matches, field_holds, field_values
from mailsuite.mime.threads import ALGORITHMS, Threadable
from mailsuite.model import Flags, Forest
from mailsuite.store.find_index import BODY, HEADER, FindIndex, Hits, Known
from mailsuite.store.flags import has
from mailsuite.store.folder import Folder, Threads
from mailsuite.store.places import Row
from mailsuite.store.reading import Searched, from_file
from mailsuite.store.search import average, cost, fuzzy_keys, known_answer

#: Messages, and octets of messages as stored, that are read in one go.
LEARN_AT_ONCE, LEARN_OCTETS = 50, 2 << 20
#: Messages of which only the header is read in one go.
LEARN_HEADERS = 200

TextKey: TypeAlias = Key | q.Fuzzy
Found: TypeAlias = Mapping[TextKey, AbstractSet[int]]


# -- what a query asks -------------------------------------------------------------------------------------------------


def within(query: q.Query, level: int) -> q.Query:
    """What can be said with keys of at most that ``cost``: all that matches ``query`` matches this."""
    match query:
        case q.And(parts):
            said = [each for part in parts if not isinstance(each := within(part, level), q.All)]
            return q.And(tuple(said)) if said else q.All()
        case q.Or(left, right):
            either = (within(left, level), within(right, level))
            return q.All() if q.All() in either else q.Or(*either)
    return query if cost(query) <= level else q.All()


def text_keys(query: q.Query, level: int) -> list[TextKey]:
    """The keys of just that ``cost`` in it, each once."""
    texts = q.Header | q.SentDate | q.Body | q.Text | q.Fuzzy
    return list(dict.fromkeys(key for key in q.keys(query) if isinstance(key, texts) and cost(key) == level))


def narrow(folder: Folder, query: q.Query, uids: Sequence[int], found: Found) -> list[int]:
    """Those of ``uids``, ascending, that are there and match; ``found`` says which messages hold its text keys."""
    with folder.account.locked():
        folder.must_be_there()
        contents = folder.contents
        flags = dict(zip(contents.uids, contents.flags, strict=True))
        there = [uid for uid in uids if uid in flags]
        rows = folder.account.index.rows(folder.id, there) if _needs_rows(query) else []
        subjects = {row.uid: Searched(folder, row) for row in rows}
    return _Evaluation(flags, subjects, found).of(query, there)


def _needs_rows(query: q.Query) -> bool:
    without = q.All | q.Uids | q.HasFlag | q.Header | q.SentDate | q.Body | q.Text | q.Fuzzy
    return not all(isinstance(key, without) for key in q.keys(query))


class _Evaluation:
    """One query, for many messages at once."""

    def __init__(self, flags: Mapping[int, Flags], subjects: Mapping[int, Searched], found: Found) -> None:
        self._flags = flags
        self._subjects = subjects
        self._found = found

    def of(self, query: q.Query, uids: list[int]) -> list[int]:
        """Those that match, ascending as they were given."""
        match query:
            case q.All():
                return uids
            case q.And(parts):
                for part in sorted(parts, key=cost):
                    uids = self.of(part, uids)
                return uids
            case q.Or(left, right):
                either = set(self.of(left, uids))
                either.update(self.of(right, [uid for uid in uids if uid not in either]))
                return [uid for uid in uids if uid in either]
            case q.Not(part):
                excluded = set(self.of(part, uids))
                return [uid for uid in uids if uid not in excluded]
            case q.Uids(ranges):
                return _among(uids, ranges)
            case q.HasFlag(flag):
                carry = {flags for flags in set(map(self._flags.__getitem__, uids)) if has(flags, flag)}
                return [uid for uid in uids if self._flags[uid] in carry]
            case q.Header() | q.SentDate() | q.Body() | q.Text() | q.Fuzzy():
                return [uid for uid in uids if uid in self._found[query]]
        return [uid for uid in uids if uid in self._subjects and known_answer(query, self._subjects[uid])]


def _among(uids: Sequence[int], ranges: q.Ranges) -> list[int]:
    found: list[int] = []
    end = 0
    for low, high in sorted(ranges):
        start = max(end, bisect.bisect_left(uids, low))
        end = max(start, bisect.bisect_right(uids, high))
        found += uids[start:end]
    return found


# -- what is known of messages -----------------------------------------------------------------------------------------


def lacking(folder: Folder, uids: Collection[int], level: int) -> list[int]:
    """Those of which less is known than that."""
    if folder.found_out == tuple(uids):
        return []
    known = set(_index(folder).known(folder.counters.uidvalidity, level))
    return [uid for uid in uids if uid not in known]


def gone(folder: Folder, uids: Collection[int]) -> bool:
    """Forget some of those of which something is known and that are not among all ``uids`` there are; whether there
    were any."""
    index, uidvalidity = _index(folder), folder.counters.uidvalidity
    stale = set(index.known(uidvalidity, HEADER)).difference(uids)
    index.forget(uidvalidity, sorted(stale)[:LEARN_AT_ONCE])
    return bool(stale)


def learn(folder: Folder, uids: Sequence[int], level: int) -> int:
    """Read the first of these; of how many it need not be done any more."""
    part = uids[: LEARN_AT_ONCE if level == BODY else LEARN_HEADERS]
    with folder.account.locked():
        folder.must_be_there()
        rows = folder.account.index.rows(folder.id, part)
    few = _first_octets(rows) if level == BODY else rows
    made = folder.account.resources.examine([folder.path_of(row) for row in few], level == BODY) if few else ()
    found = []
    for row, each in zip(few, made, strict=True):
        if findable := each or _read(folder, row, level == BODY):
            found.append(Known(row.uid, row.date, row.wire, findable))
    _index(folder).add(folder.counters.uidvalidity, found, level)
    return bisect.bisect_right(part, few[-1].uid) if len(few) < len(rows) else len(part)


def _first_octets(rows: Sequence[Row]) -> Sequence[Row]:
    """The first that hold ``LEARN_OCTETS`` together; at least one."""
    octets = 0
    for count, row in enumerate(rows):
        octets += row.stored
        if octets > LEARN_OCTETS and count:
            return rows[:count]
    return rows


def _read(folder: Folder, row: Row, bodies: bool) -> Findable | None:
    """Of a message whose file is elsewhere now, or cannot be read; None if it is gone."""
    try:
        return from_file(folder, row, lambda path: examine_file(path, bodies))
    except Expunged:
        return None
    except OSError as error:
        raise meaning_of(error, "a message") from error


def look_up(folder: Folder, key: TextKey) -> Hits:
    """Messages that hold it, of those that are known."""
    index, uidvalidity = _index(folder), folder.counters.uidvalidity
    match key:
        case q.SentDate(when, day):
            return Hits([uid for uid, sent in index.days(uidvalidity) if day_matches(when, sent, day)], [])
        case q.Header(field, text):
            held = index.holding_lines(uidvalidity, wanted(text), field_start(field), lambda it: field_holds(key, it))
            return Hits(held, index.cut(uidvalidity, "fields"))
        case q.Body(text):
            return index.holding(uidvalidity, "body", wanted(text))
        case q.Text(text):
            fields = index.holding(uidvalidity, "fields", wanted(text))
            body = index.holding(uidvalidity, "body", wanted(text))
            return Hits(fields.found + body.found, fields.uncertain + body.uncertain)
        case q.Fuzzy():
            return Hits(list(scores(folder, key)), [])
    raise ValueError(f"{type(key).__name__} is no text key")


def scores(folder: Folder, fuzzy_key: q.Fuzzy) -> dict[int, int]:
    """How well messages hold the words, of those that are known; of a text that is kept in part, that part."""
    index, uidvalidity = _index(folder), folder.counters.uidvalidity
    key, text = fuzzy_key.key, wanted(fuzzy_key.key.text)
    score = partial(fuzzy.score, wanted=text)
    if isinstance(key, q.Header):
        start = field_start(key.field)
        return dict(
            index.scores(uidvalidity, "fields", (start,), lambda fields: score(field_values(key.field, fields)))
        )
    found = dict(index.scores(uidvalidity, "body", fuzzy.pieces(text), score))
    if isinstance(key, q.Text):
        for uid, points in index.scores(uidvalidity, "fields", fuzzy.pieces(text), score):
            found[uid] = max(points, found.get(uid, 0))
    return found


def relevance(folder: Folder, query: q.Query, uids: Sequence[int]) -> list[int]:
    """1 to 100 for each of these, as far as it is known."""
    found = [scores(folder, key) for key in fuzzy_keys(query)]
    return [average([each[uid] for each in found if uid in each]) for uid in uids]


def _index(folder: Folder) -> FindIndex:
    return folder.account.find_index


# -- SORT and THREAD ---------------------------------------------------------------------------------------------------


def sort(folder: Folder, uids: Sequence[int], criteria: Sequence[q.SortBy], relevance: Mapping[int, int]) -> list[int]:
    """Those of ``uids``, ascending, that are there, in that order; what is to be known of them is."""
    return _index(folder).in_order(folder.counters.uidvalidity, _there(folder, uids), criteria, relevance)


def thread(folder: Folder, uids: Sequence[int], algorithm: q.ThreadAlgorithm) -> Forest:
    """Those of ``uids``, ascending, that are there; what is to be known of them is."""
    there = tuple(_there(folder, uids))
    last = folder.last_threads
    if last is not None and last.algorithm is algorithm and last.uids == there:
        return last.forest
    rows = _index(folder).threadable(folder.counters.uidvalidity, there)
    forest = ALGORITHMS[algorithm](list(starmap(Threadable, rows)))
    folder.last_threads = Threads(there, algorithm, Forest(array("q", forest.uids), array("q", forest.depths)))
    return forest


def _there(folder: Folder, uids: Sequence[int]) -> Sequence[int]:
    with folder.account.locked():
        folder.must_be_there()
        there = folder.contents.uids
    if len(there) == len(uids) and there[-1:] == tuple(uids[-1:]):
        return uids
    present = set(there)
    return [uid for uid in uids if uid in present]

"""The life of a message, out of the file of happenings.  Blocking; reads the file through as often as it must."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from mailsuite.happenings import Accepted, Checked, Connected, Happening, Moved, Placed, Read, Refused, Removed

#: Moves in a row that are followed.
_MOST_MOVES = 100
#: Seconds by which a session may have a message before its delivery is told: who looks has it at once.
_AHEAD = 60.0

_decode = msgspec.json.Decoder(Happening).decode


class Life(msgspec.Struct, frozen=True):
    """``happenings`` in the order of their time."""

    id: str
    happenings: tuple[Happening, ...]


def found(connection: sqlite3.Connection, what: str, last: int) -> Sequence[str]:
    """Ids of the newest ``last`` messages that are meant: by id, by an address of sender or recipient, by Message-ID;
    the oldest first."""
    if connection.execute("SELECT 1 FROM happenings WHERE key = ? LIMIT 1", (what,)).fetchone():
        return [what]
    name = what.strip("<>")
    if not name or name.startswith("@"):
        return []
    words = [f'%"{_plain(one)}%' for one in (f'{name}"', f'<{name}>"', f"{name}/")]
    rows = connection.execute(
        "SELECT key FROM happenings WHERE instr(key, '/') = 0 AND (CAST(data AS TEXT) LIKE ?1 ESCAPE '\\'"
        " OR CAST(data AS TEXT) LIKE ?2 ESCAPE '\\' OR CAST(data AS TEXT) LIKE ?3 ESCAPE '\\')"
        " GROUP BY key ORDER BY max(number) DESC LIMIT ?4",
        (*words, last),
    )
    return [str(key) for (key,) in rows][::-1]


def _plain(text: str) -> str:
    """As JSON has it, and nothing in it a wildcard."""
    written = msgspec.json.encode(text.removesuffix('"')).decode()[1:-1] + ('"' if text.endswith('"') else "")
    return "".join(f"\\{char}" if char in "%_\\" else char for char in written)


def life(connection: sqlite3.Connection, id: str) -> Life:
    """Nothing, if nothing is known of it."""
    rows = connection.execute("SELECT data FROM happenings WHERE key = ? ORDER BY number", (id,))
    happenings = [_decode(data) for (data,) in rows]
    for index, one in enumerate(tuple(happenings)):
        if isinstance(one, Placed):
            later = _in_mailboxes(connection, one)
            happenings[index] = msgspec.structs.replace(one, at=min([one.at, *(each.at for each in later)]))
            happenings += later
    return Life(id, tuple(sorted([*_before(happenings), *happenings], key=lambda one: one.at)))


def _before(happenings: Sequence[Happening]) -> list[Happening]:
    """What led to the answer: the connection, and the checks if it was yes."""
    answers = [one for one in happenings if isinstance(one, Accepted | Refused)]
    told = [_connected(one) for one in answers if one.since][:1]
    return [*told, *(_checked(one) for one in answers if isinstance(one, Accepted) and one.checks)]


def _connected(one: Accepted | Refused) -> Happening:
    return Connected(one.since, one.id, one.client, one.service, one.helo, one.tls, one.account, one.trusted)


def _checked(one: Accepted) -> Happening:
    return Checked(one.at, one.id, one.checks, one.results)


def _in_mailboxes(connection: sqlite3.Connection, placed: Placed) -> list[Happening]:
    """What happened to it there, wherever it was moved; copies go their own ways."""
    told: list[Happening] = []
    place, uid, at = placed.place, placed.uid, placed.at
    for _ in range(_MOST_MOVES):
        moved: Moved | None = None
        for (data,) in connection.execute(
            "SELECT data FROM happenings WHERE key = ? AND at >= ? ORDER BY number", (place, at - _AHEAD)
        ):
            one = _decode(data)
            if isinstance(one, Read | Moved | Removed) and uid in one.uids:
                told.append(_alone(one, uid))
                if isinstance(one, Moved) and not one.kept:
                    moved = one
                    break
                if isinstance(one, Removed):
                    return told
        if moved is None:
            return told
        place, uid, at = moved.target, moved.targets[moved.uids.index(uid)], moved.at
    return told


def _alone(one: Read | Moved | Removed, uid: int) -> Happening:
    """Of this message only, whatever others it was done with."""
    if isinstance(one, Moved):
        target = one.targets[one.uids.index(uid)]
        return msgspec.structs.replace(one, uids=(uid,), targets=(target,))
    return msgspec.structs.replace(one, uids=(uid,))

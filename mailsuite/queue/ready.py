"""Messages that are due now: by priority, and within one by lane, lane after lane in turn.

A lane is what a message waits for room at: its domain, or its next host once that is known.  A lane without room costs
one look, however many wait in it, so whatever is slow or dead delays nobody else.  In memory only.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """A message in a lane; ``due`` in epoch seconds."""

    priority: int
    lane: str
    due: float
    id: str


class Ready:
    """``holds`` tells whether (id, due) is still true; what is not is forgotten when it comes up."""

    def __init__(self, holds: Callable[[str, float], bool]) -> None:
        self._holds = holds
        self._lanes: dict[int, OrderedDict[str, list[tuple[float, str]]]] = {}

    def put(self, entry: Entry) -> None:
        """It is due."""
        lanes = self._lanes.setdefault(entry.priority, OrderedDict())
        heapq.heappush(lanes.setdefault(entry.lane, []), (entry.due, entry.id))

    def take(self, enter: Callable[[str], bool]) -> Entry | None:
        """The next one of a lane that can be entered; it is no longer here.  ``enter`` answers True only once."""
        found = self.first(enter)
        if found is not None:
            lanes = self._lanes[found.priority]
            heapq.heappop(lanes[found.lane])
            lanes.move_to_end(found.lane)
        return found

    def first(self, room: Callable[[str], bool]) -> Entry | None:
        """The next one of a lane that has room."""
        for priority in sorted(self._lanes, reverse=True):
            found = self._first_of(priority, room)
            if found is not None:
                return found
            if not self._lanes[priority]:
                del self._lanes[priority]
        return None

    def _first_of(self, priority: int, room: Callable[[str], bool]) -> Entry | None:
        lanes = self._lanes[priority]
        over: list[str] = []
        found: Entry | None = None
        for lane, heap in lanes.items():
            while heap and not self._holds(heap[0][1], heap[0][0]):
                heapq.heappop(heap)
            if not heap:
                over.append(lane)
            elif room(lane):
                found = Entry(priority, lane, *heap[0])
                break
        for lane in over:
            del lanes[lane]
        return found

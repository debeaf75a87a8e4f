"""Threads of messages: ORDEREDSUBJECT and REFERENCES of RFC 5256 §3, REFS of draft-ietf-morg-inthread-01.

Messages are given in mailbox order and named by their place in that list.  No recursion, so a chain of replies may be
of any length; the search for loops, the one thing whose cost could grow with the square of their number, is bounded by
``STEPS_EACH`` (a link that cannot be checked any more is not made).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from mailsuite.model import Forest
from mailsuite.query import ThreadAlgorithm

#: Steps towards the root that looking for loops may take, for each message and beside those.
STEPS_EACH, STEPS_MORE = 100, 100_000
#: No message: the parent of a root, the number of a dummy in a ``Forest``.
NONE = -1


class Threadable(msgspec.Struct, frozen=True, gc=False):
    """One message; ``sent`` is the sent date (RFC 5256 §2.2), ``subject`` the base subject in the collation's form,
    ``references`` the ids of its ancestors, a line each."""

    number: int
    sent: float
    subject: str
    reply: int
    id: str
    references: str


def ordered_subject(messages: Sequence[Threadable]) -> Forest:
    """One thread for each base subject: the earliest message, and all others its children."""
    threads: dict[str, list[Threadable]] = {}
    for message in sorted(messages, key=lambda each: each.sent):
        threads.setdefault(message.subject, []).append(message)
    numbers: list[int] = []
    depths: list[int] = []
    # made in the order of their first messages, as they shall stand
    for thread in threads.values():
        numbers += [message.number for message in thread]
        depths += [0, *[1] * (len(thread) - 1)]
    return Forest(numbers, depths)


def references(messages: Sequence[Threadable]) -> Forest:
    """Threads by ancestry, gathered by subject."""
    tree = _Tree(messages, _parents(messages))
    tree.sort_roots()  # (4)
    _gather(tree)  # (5)
    tree.sort_roots()  # (6)
    return tree.forest()


def refs(messages: Sequence[Threadable]) -> Forest:
    """Threads by ancestry alone, that with the latest message last."""
    tree = _Tree(messages, _parents(messages))
    tree.sort_roots(latest=True)
    return tree.forest()


# -- step (1) ----------------------------------------------------------------------------------------------------------


def _parents(messages: Sequence[Threadable]) -> list[int]:
    """For each message, and for each dummy behind them, its parent or ``NONE``."""
    nodes: dict[str, int] = {}
    for place, message in enumerate(messages):
        if message.id:
            nodes.setdefault(message.id, place)
    links = _Links(len(messages))
    for place, message in enumerate(messages):
        last = NONE
        for each in message.references.split("\n") if message.references else ():
            node = nodes.get(each)
            if node is None:
                node = nodes[each] = links.add()
            if last != NONE and links.parents[node] == NONE:
                links.link(last, node)  # (A)
            last = node
        links.parents[place] = NONE
        if last != NONE:
            links.link(last, place)  # (B)
    return links.parents


class _Links:
    """Parents of nodes, without loops."""

    def __init__(self, count: int) -> None:
        self.parents = [NONE] * count
        self._childless = bytearray(b"\x01") * count
        self._steps = STEPS_MORE + STEPS_EACH * count

    def add(self) -> int:
        """A dummy."""
        self.parents.append(NONE)
        self._childless.append(1)
        return len(self.parents) - 1

    def link(self, parent: int, child: int) -> None:
        """Unless that would make a loop; ``child`` has no parent."""
        if parent == child or (not self._childless[child] and self._below(parent, child)):
            return
        self.parents[child] = parent
        self._childless[parent] = 0

    def _below(self, node: int, root: int) -> bool:
        """Whether ``node`` descends from ``root``, or that would take too long to see."""
        parents, steps = self.parents, self._steps
        while node not in (root, NONE) and steps:
            node = parents[node]
            steps -= 1
        self._steps = steps
        return node != NONE


# -- steps (2), (3), (4) and (6) ---------------------------------------------------------------------------------------


class _Tree:
    """Roots and children, by place; places from ``len(messages)`` on are dummies, which are roots only."""

    def __init__(self, messages: Sequence[Threadable], parents: list[int]) -> None:
        self.messages = messages
        self.children: dict[int, list[int]] = {}
        self.roots: list[int] = []
        self._next = len(parents)
        for place, parent in enumerate(_without_dummies(parents, len(messages))):
            if parent == NONE:
                self.roots.append(place)
            else:
                self.children.setdefault(parent, []).append(place)
        for dummy in [each for each in self.children if self.is_dummy(each)]:
            self.add_root(dummy)

    def is_dummy(self, place: int) -> bool:
        return place >= len(self.messages)

    def add_root(self, dummy: int) -> None:
        """With the children that it has; one alone takes its place."""
        if len(self.children[dummy]) == 1:
            self.roots += self.children.pop(dummy)
        else:
            self.roots.append(dummy)

    def new_dummy(self, children: list[int]) -> int:
        self.children[self._next] = children
        self._next += 1
        return self._next - 1

    def sort_roots(self, latest: bool = False) -> None:
        """All siblings by sent date, equal ones as they stand in the mailbox; a dummy as its first child, or, where
        ``latest``, each root as the latest message of its thread."""
        sent = [message.sent for message in self.messages]
        for siblings in self.children.values():
            if len(siblings) > 1:
                siblings.sort()
                siblings.sort(key=sent.__getitem__)
        firsts = {root: self.first(root) for root in self.roots}
        self.roots.sort(key=firsts.__getitem__)
        if latest:
            dates = {root: max(sent[place] for place, _ in self._walk(root) if place < len(sent)) for root in firsts}
            self.roots.sort(key=dates.__getitem__)
        else:
            self.roots.sort(key=lambda root: sent[firsts[root]])

    def first(self, root: int) -> int:
        """The message itself, or the first child of a dummy."""
        return self.children[root][0] if self.is_dummy(root) else root

    def _walk(self, root: int) -> Iterable[tuple[int, int]]:
        """(Place, depth) of each below, parents first."""
        waiting = [(root, 0)]
        while waiting:
            place, depth = waiting.pop()
            yield place, depth
            for child in reversed(self.children.get(place, ())):
                waiting.append((child, depth + 1))

    def forest(self) -> Forest:
        numbers: list[int] = []
        depths: list[int] = []
        for root in self.roots:
            if root not in self.children:
                numbers.append(self.messages[root].number)
                depths.append(0)
                continue
            for place, depth in self._walk(root):
                numbers.append(NONE if self.is_dummy(place) else self.messages[place].number)
                depths.append(depth)
        return Forest(numbers, depths)


def _without_dummies(parents: list[int], count: int) -> list[int]:
    """For each message its nearest ancestor that is a message, or the dummy on top of its thread, or ``NONE``: step
    (3), since a dummy's children go to where it was, but not to the root."""
    above = list(parents)
    for place in range(count):
        node, passed = parents[place], []
        while node >= count and above[node] != NONE:
            passed.append(node)
            node = above[node]
        for dummy in passed:
            above[dummy] = node
        above[place] = node
    return above[:count]


# -- step (5) ----------------------------------------------------------------------------------------------------------


def _gather(tree: _Tree) -> None:
    """Merge threads of one base subject."""
    table: dict[str, int] = {}
    for root in tree.roots:  # (B)
        subject = tree.messages[tree.first(root)].subject
        known = table.get(subject, NONE)
        if subject and (known == NONE or (not tree.is_dummy(known) and _comes_before(tree, root, known))):
            table[subject] = root
    roots, tree.roots = tree.roots, []
    gone: set[int] = set()
    for root in roots:  # (C)
        subject = tree.messages[tree.first(root)].subject
        if subject and table[subject] != root:
            table[subject] = _merge(tree, table[subject], root, gone)
    tree.roots = [root for root in dict.fromkeys((*roots, *table.values())) if root not in gone]


def _comes_before(tree: _Tree, root: int, known: int) -> bool:
    """(B)(iv): whether it takes the place of the message that is known for the subject."""
    return tree.is_dummy(root) or bool(tree.messages[known].reply and not tree.messages[root].reply)


def _merge(tree: _Tree, known: int, root: int, gone: set[int]) -> int:
    """Two threads of one subject; gives which is in the table then."""
    gone.add(root)
    if tree.is_dummy(root) and tree.is_dummy(known):
        tree.children[known] += tree.children.pop(root)
        return known
    if tree.is_dummy(known) or (tree.messages[root].reply and not tree.messages[known].reply):
        tree.children.setdefault(known, []).append(root)
        return known
    gone.add(known)
    return tree.new_dummy([known, root])


#: How each is done.
ALGORITHMS: dict[ThreadAlgorithm, Callable[[Sequence[Threadable]], Forest]] = {
    ThreadAlgorithm.ORDEREDSUBJECT: ordered_subject,
    ThreadAlgorithm.REFERENCES: references,
    ThreadAlgorithm.REFS: refs,
}

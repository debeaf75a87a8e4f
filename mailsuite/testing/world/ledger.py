"""What was promised in a world, what was found, and whether the books balance.

A letter that a server took for a recipient has to be in each mailbox that the recipient's address leads to, as often as
it was sent there, or its sender was told that it failed.  It may be there twice where a connection was lost after the
data (RFC 5321 §4.5.4.1), and may be missing where somebody removed it.  Nobody else may have it, and its body is the
one that was sent.
"""

from __future__ import annotations

import enum
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import msgspec

from mailsuite.testing.world.letters import Letter, Report, read, write


class Leads(msgspec.Struct, frozen=True):
    """Where an address leads: ``ends`` are accounts and addresses of foreign hosts, ``over`` are the address itself and
    the aliases on the way."""

    over: frozenset[str]
    ends: tuple[str, ...]


class Taken(enum.Enum):
    """Whether a server took responsibility."""

    YES = "yes"
    NO = "no"
    PERHAPS = "the connection was lost after the data"


class Copy(msgspec.Struct, frozen=True):
    """One message in an account: ``place`` and ``name`` are UIDVALIDITY and UID, or "pop3" and the UIDL."""

    account: str
    place: object
    name: object


class Ledger:
    """``leads`` tells where addresses lead; ``problem`` is told what does not balance."""

    def __init__(self, leads: Callable[[str], Leads], problem: Callable[[str], None]) -> None:
        self._leads = leads
        self._problem = problem
        self.letters: dict[int, Letter] = {}
        #: Letter -> recipient -> what the server said.
        self.taken: defaultdict[int, dict[str, Taken]] = defaultdict(dict)
        #: Letters that may be there more than once.
        self.doubled: dict[int, str] = {}
        #: How much more often than it was sent one of them is somewhere.
        self.more: Counter[int] = Counter()
        #: Domains, or addresses, mail for which may fail for good.
        self.hopeless: set[str] = set()
        #: Accounts that hear of what cannot be told to its sender.
        self.postmasters: set[str] = set()
        self._failed: dict[tuple[int, str], None] = {}
        #: Who was told of which recipient without the letter's header.
        self._failed_somewhere: dict[tuple[str, str], None] = {}
        self._removed: defaultdict[tuple[str, int], set[Copy]] = defaultdict(set)
        self._removed_perhaps: defaultdict[tuple[str, int], set[Copy]] = defaultdict(set)
        self._copied: Counter[tuple[str, int]] = Counter()
        self._abroad: Counter[tuple[str, int]] = Counter()

    # -- what is done ----------------------------------------------------------------------------------------------

    def write(self, rng: random.Random, sender: str, recipients: Sequence[str], owner: str = "") -> Letter:
        letter = write(len(self.letters) + 1, rng, sender, recipients, owner)
        self.letters[letter.number] = letter
        return letter

    def answered(self, letter: Letter, recipient: str, taken: Taken) -> None:
        self.taken[letter.number][recipient] = taken

    def read(self, account: str, octets: bytes) -> int:
        """Somebody reads this in an account; the number of the letter, 0 if it is none."""
        found = read(octets)
        if isinstance(found, Report):
            self._reported(account, found)
            return 0
        number, digest = found
        if not number:
            return 0
        letter = self.letters[number]
        if account not in self._entitled(letter):
            self._problem(f"{account} reads letter {number}, which is for {letter.recipients or letter.owner}")
        if digest != letter.digest:
            self._problem(f"letter {number} was changed on its way to {account}: {octets[-200:]!r}")
        return number

    def arrived_abroad(self, address: str, octets: bytes) -> None:
        """A foreign host took this."""
        found = read(octets)
        if not isinstance(found, Report) and found[0]:
            number, digest = found
            self._abroad[address, number] += 1
            if address not in self._entitled(self.letters[number]):
                self._problem(f"letter {number} went to {address}")
            if digest != self.letters[number].digest:
                self._problem(f"letter {number} was changed on its way to {address}")

    def copied(self, account: str, number: int) -> None:
        """Somebody asked for one more in the same account."""
        self._copied[account, number] += 1

    def removed(self, number: int, copy: Copy, sure: bool) -> None:
        which = self._removed if sure else self._removed_perhaps
        which[copy.account, number].add(copy)

    def _entitled(self, letter: Letter) -> set[str]:
        return {place for recipient in letter.recipients for place in self._leads(recipient).ends} | {letter.owner}

    def _reported(self, account: str, report: Report) -> None:
        if not report.number:
            failed = [recipient for recipient, action in report.said if action == "failed"]
            self._failed_somewhere |= {(account, recipient): None for recipient in failed}
            return
        letter = self.letters[report.number]
        if account != letter.sender and not (account in self.postmasters and self._is_hopeless(letter.sender)):
            self._problem(f"{account} reads a report about letter {report.number}")
        for recipient, action in report.said:
            if action == "failed":
                self._failed[report.number, recipient] = None
                if not any(self._is_hopeless(each) for each in (recipient, *self._leads(recipient).ends)):
                    self._problem(f"letter {report.number} for {recipient} was given up without a reason")

    def _is_hopeless(self, address: str) -> bool:
        return not self.hopeless.isdisjoint((address, address.rpartition("@")[2]))

    # -- the balance -----------------------------------------------------------------------------------------------

    def balance(self, present: Counter[tuple[str, int]]) -> None:
        """``present``: how often (account, letter) is in the mailboxes now, when nothing is on its way."""
        for number, answers in self.taken.items():
            for recipient, taken in answers.items():
                for place in self._leads(recipient).ends or (recipient,):
                    self._settle(number, recipient, place, taken, present)
        for account, number in present:
            letter = self.letters[number]
            answers = self.taken[number]
            if not any(taken is not Taken.NO for taken in answers.values()):
                self._problem(f"letter {number} is with {account} and was refused: {letter.recipients}")

    def _settle(self, number: int, recipient: str, place: str, taken: Taken, present: Counter[tuple[str, int]]) -> None:
        key = place, number
        removed = self._removed[key]
        there = present[key] + len(removed) + self._abroad[key]
        perhaps = len(self._removed_perhaps[key] - removed)
        untold = self._is_hopeless(self.letters[number].sender)
        on_the_way = (*self._leads(recipient).over, place)
        failed = any((number, each) in self._failed for each in on_the_way)
        failed |= any((self.letters[number].sender, each) in self._failed_somewhere for each in on_the_way)
        if taken is Taken.YES and not there + perhaps and not failed and not untold:
            self._problem(f"letter {number} for {recipient} is not with {place}, and its sender was not told")
        ways = sum(place in (self._leads(each).ends or (each,)) for each in self.taken[number]) + self._copied[key]
        self.more[number] = max(self.more[number], there - ways)
        if number not in self.doubled and there > ways:
            self._problem(f"letter {number} is {there} times with {place}, and was sent {ways} times")
        if number not in self.doubled and (number, place) in self._failed and there and ways == 1:
            self._problem(f"letter {number} is with {place}, and its sender was told that it failed")

    def summary(self) -> str:
        """For people."""
        answers = Counter(taken for each in self.taken.values() for taken in each.values())
        words = ", ".join(f"{taken.name.lower()} {count}" for taken, count in sorted(answers.items(), key=str))
        return f"{len(self.letters)} letters ({words}), {len(self._failed)} reported, {len(self.doubled)} maybe doubled"

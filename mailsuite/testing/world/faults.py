"""What goes wrong in a town: each ``Kind`` begins at some time, and ends after some.

All of it is over at last (``Town.settle`` sees to that), and nothing lasts as long as mail is tried (five days) but
``GONE``, so what is given up for another reason than those that are noted in ``Ledger.hopeless`` is a problem.
"""

from __future__ import annotations

import enum
import functools
import random
from collections.abc import Callable

from mailsuite.testing.dns import Trouble
from mailsuite.testing.world.abroad import Mood
from mailsuite.testing.world.administering import Administrator
from mailsuite.testing.world.network import Weather
from mailsuite.testing.world.server import Server
from mailsuite.testing.world.town import ABROAD, BACKUP, DAY, DOMAINS, HOUR, Town

#: Letters for one person: within a minute; and of a storm, all at once, which is so many seconds.
CROWD, STORM, BURST = 25, 300, 2.0
#: Letters that wait for a foreign host: more than have places.
WAITING = 50
#: Share of the power cuts that come after an answer.
ANSWERED = 0.6
#: Disk operations until a power cut, at most.
OPERATIONS = 150


class Kind(enum.Enum):
    """One thing that goes wrong."""

    POWER = "a server loses power in the middle of what it does"
    RESTART = "a server is stopped and started, with another configuration"
    ACCOUNTS = "somebody is given an account, an alias or another password"
    WEATHER = "connections are slow and cut, datagrams are lost"
    PARTED = "nothing passes between some hosts"
    FULL = "a disk is full"
    UNREADABLE = "a disk cannot be read"
    UNWRITABLE = "a disk does not sync, and the server is restarted for it"
    DESCRIPTORS = "no more files can be opened"
    SERVFAIL = "a name cannot be looked up, or only now and then"
    LIE = "DNS says that there is no mail host, or that somebody else is"
    MOOD = "the foreign host misbehaves"
    CLOCK = "a server's clock is set"
    CROWD = "many letters for one person"
    GONE = "the foreign host is away for a week"
    STORM = "hundreds of letters for one person, all at once"
    UNNOTED = "letters that waited are sent, which cannot be noted, and the server is restarted for it"


#: What happens in most towns; the others take long.
USUAL = tuple(kind for kind in Kind if kind not in (Kind.GONE, Kind.STORM, Kind.UNNOTED))


class Faults:
    """Plans what goes wrong in ``town``."""

    def __init__(self, town: Town, rng: random.Random) -> None:
        self._town, self._rng = town, rng
        self._network = town.world.network
        self._administrator = Administrator(town, rng)
        self._begin: dict[Kind, Callable[[], None]] = {
            Kind.POWER: self._power,
            Kind.RESTART: self._restart,
            Kind.ACCOUNTS: self._accounts,
            Kind.WEATHER: self._weather,
            Kind.PARTED: self._parted,
            Kind.FULL: self._full,
            Kind.UNREADABLE: self._unreadable,
            Kind.UNWRITABLE: self._unwritable,
            Kind.DESCRIPTORS: self._descriptors,
            Kind.SERVFAIL: self._servfail,
            Kind.LIE: self._lie,
            Kind.MOOD: self._mood,
            Kind.CLOCK: self._clock,
            Kind.CROWD: self._crowd,
            Kind.GONE: self._gone,
            Kind.STORM: self._storm,
            Kind.UNNOTED: self._unnoted,
        }

    def plan(self, kind: Kind) -> None:
        """It begins when people do something."""
        self._network.later(self._town.some_time(), self._start, kind)

    def _start(self, kind: Kind) -> None:
        self._network.trace.note("fault", kind.value)
        self._begin[kind]()

    def _server(self) -> Server:
        return self._rng.choice(self._town.servers)

    def _later(self, shortest: float, longest: float, work: Callable[[], object]) -> None:
        self._network.later(self._rng.uniform(shortest, longest), work)

    # -- servers -----------------------------------------------------------------------------------------------------

    def _power(self) -> None:
        """While it is at work on letters, or when it has just answered one, or a change of several."""
        server = self._server()
        when = self._rng.random()
        if when < ANSWERED:
            answer = self._town.write_within if when < ANSWERED / 2 else self._town.change_within
            answer(server.name, lambda: self._later(0, 0.5, server.lose_power))
        elif server.disk is not None:
            server.disk.cut_after = self._rng.randrange(OPERATIONS)
            for _ in range(3):
                self._later(0, 60, self._town.write_to(server.name))

    def _restart(self) -> None:
        self._administrator.configure(self._server())

    def _accounts(self) -> None:
        self._administrator.change_accounts(self._server())

    def _full(self) -> None:
        server = self._server()
        if server.disk is not None:
            server.disk.full = True
        self._later(300, HOUR, server.make_room)

    def _unreadable(self) -> None:
        server = self._server()
        if server.disk is not None:
            server.disk.bad_reads = self._rng.randrange(1, 12)

    def _unwritable(self) -> None:
        server = self._server()
        if server.disk is not None:
            server.disk.bad_syncs = self._rng.randrange(1, 4)
        self._later(60, HOUR, server.restart)

    def _descriptors(self) -> None:
        server = self._server()
        if server.disk is not None:
            server.disk.bad_opens = self._rng.randrange(1, 20)

    def _clock(self) -> None:
        self._server().set_clock(self._rng.choice((-1, 1)) * self._rng.uniform(1, 3 * HOUR))

    def _crowd(self) -> None:
        account = f"ann@{self._rng.choice(DOMAINS)}"
        for _ in range(CROWD):
            self._later(0, 60, lambda: self._town.write_one(account))

    def _storm(self) -> None:
        """From the servers, which relay it, and from outside, each letter over a connection of its own."""
        account = f"ann@{self._rng.choice(DOMAINS)}"
        for number in range(STORM):
            write = self._town.write_from_outside if number % 2 else self._town.write_one
            self._later(0, BURST, functools.partial(write, account))

    def _unnoted(self) -> None:
        """They wait at the backup; the foreign host is back when that one's disk does not sync any more."""
        server = self._town.world.servers[BACKUP]
        self._network.part({ABROAD}, {*DOMAINS})
        for _ in range(WAITING):
            self._later(0, 60, self._town.write_to(ABROAD))
        self._later(600, 1200, functools.partial(self._come_back, server))
        self._town.busy_until = max(self._town.busy_until, self._network.now + 2 * HOUR)

    def _come_back(self, server: Server) -> None:
        if server.disk is not None:
            server.disk.bad_syncs = 1
        self._network.heal()
        self._later(HOUR / 2, HOUR, self._rng.choice((server.restart, server.lose_power)))

    # -- the network -------------------------------------------------------------------------------------------------

    def _weather(self) -> None:
        self._network.weather = Weather(
            slow=self._rng.choice((0.1, 1.0, 5.0)), cuts=self._rng.choice((0.1, 0.4)), lost=self._rng.choice((0, 0.3))
        )
        self._later(HOUR / 2, 3 * HOUR, self._calm)

    def _calm(self) -> None:
        self._network.weather = Weather()

    def _parted(self) -> None:
        names = [*DOMAINS, ABROAD, "client", "dns"]
        some = set(self._rng.sample(names, self._rng.choice((1, 2, 3))))
        self._network.part(some, set(names) - some)
        self._later(60, 8 * HOUR, self._network.heal)

    def _gone(self) -> None:
        """Its mail comes back, or waits at the backup, and comes back from there."""
        self._town.ledger.hopeless.add(ABROAD)
        self._network.part({ABROAD}, {*DOMAINS})
        self._town.busy_until = self._network.now + 7 * DAY

    # -- others --------------------------------------------------------------------------------------------------------

    def _servfail(self) -> None:
        names, name = self._town.world.names, self._rng.choice((*DOMAINS, ABROAD, *(f"mx.{each}" for each in DOMAINS)))
        trouble = self._rng.choice((Trouble.SERVFAIL, Trouble.SILENCE, Trouble.GARBAGE, Trouble.ONLY_TCP))
        for _ in range(self._rng.choice((1, 1, 4))):
            start = self._rng.uniform(0, HOUR)
            self._network.later(start, names.troubled.__setitem__, name, trouble)
            self._network.later(start + self._rng.uniform(60, HOUR), names.troubled.pop, name, None)

    def _lie(self) -> None:
        names, domain = self._town.world.names, self._rng.choice((*DOMAINS, ABROAD))
        other = self._rng.choice([each for each in DOMAINS if each != domain])  # who refuses what is not for it
        self._town.ledger.hopeless.add(domain)
        names.troubled[domain] = self._rng.choice(({}, names.zones[other]))
        self._later(60, HOUR, lambda: names.troubled.pop(domain, None))

    def _mood(self) -> None:
        mood = self._rng.choice([mood for mood in Mood if mood is not Mood.KIND])
        if mood is Mood.REFUSING:
            self._town.ledger.hopeless.add(ABROAD)
        self._town.abroad.feel(mood)
        for _ in range(3):
            self._later(0, 60, self._town.write_to(ABROAD))
        self._later(600, 6 * HOUR, lambda: self._town.abroad.feel(Mood.KIND))

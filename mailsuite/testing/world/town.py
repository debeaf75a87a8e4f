"""A world with people in it: three servers, a foreign host, readers and senders, and the books of what they did.

``live`` lets them go about their business for some hours, ``settle`` lets everything end well and checks that it did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from mailsuite.services.running import Running
from mailsuite.testing.world.abroad import Abroad, Mood
from mailsuite.testing.world.beside import Beside, Deed
from mailsuite.testing.world.collecting import Collector
from mailsuite.testing.world.doubles import Doubles
from mailsuite.testing.world.imap_client import No
from mailsuite.testing.world.ledger import Leads, Ledger
from mailsuite.testing.world.leftovers import blocks
from mailsuite.testing.world.network import Weather
from mailsuite.testing.world.reading import Reader
from mailsuite.testing.world.seen import Seen
from mailsuite.testing.world.sending import Sender
from mailsuite.testing.world.server import Server
from mailsuite.testing.world.site import Passwords, Site
from mailsuite.testing.world.stream import Broken
from mailsuite.testing.world.world import World

DOMAINS = ("a.test", "b.test", "c.test")
ABROAD = "far.test"
HOUR, DAY = 3600.0, 86_400.0
#: Until every queue must be empty once nothing is wrong any more: a letter for who has no room is tried for five days,
#: and so is the report about it, if its sender has none either.
PATIENCE = 11 * DAY
#: Seconds after which it is believed that nothing more happens.
REST = 30.0
#: Of ``live``, an hour: times at which all is done, and the seconds that it takes; letters, reading sessions, and the
#: actions of a session, and what other programs do in mailboxes, and
#: while somebody looks on.
TIMES, RUSH = 0.5, 40.0
LETTERS, SESSIONS, ACTIONS, VISITS, ONLOOKERS = 3, 4, 6, 3, 1
#: Seconds after which what another program did is known, and will not be undone by a power cut.
LASTING = 20.0
#: Share of the letters from outside that another program hands over by LMTP.
LOCALLY = 0.4
#: Who is where: accounts that read by IMAP, and the one that collects by POP3.
PEOPLE, COLLECTOR = ("ann", "bob"), "pop"
#: Who has room for so many messages only.
CRAMPED, ROOM = "cramped", 3
#: Pieces of memory (``leftovers.blocks``) that a town may have more when all is quiet than when it began: for modules,
#: caches, clients and books, and for each letter.
SETTLED, A_LETTER = 30_000, 100
#: Takes mail for the foreign host while that is down.
BACKUP = "b.test"
_BACKUP = f'\n[[backup]]\ndomains = ["{ABROAD}"]\n'


def sites() -> dict[str, Site]:
    found = {}
    for number, domain in enumerate(DOMAINS):
        other = DOMAINS[(number + 1) % len(DOMAINS)]
        aliases = {
            "team": (f"ann@{domain}", f"pop@{other}"),
            "away": (f"someone@{ABROAD}",),
            "circle": (f"circle@{other}",),
        }
        more = _BACKUP if domain == BACKUP else ""
        accounts = (*PEOPLE, COLLECTOR, CRAMPED)
        found[domain] = Site(domain, f"10.0.1.{number + 1}", accounts, aliases, {CRAMPED: ROOM}, more)
    return found


class Town:
    """``world`` has been entered, and is empty."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._sites = sites()
        self.passwords = Passwords()
        self._accounts = [f"{name}@{domain}" for domain in DOMAINS for name in (*PEOPLE, COLLECTOR, CRAMPED)]
        self.ledger = Ledger(self.leads, world.problem)
        self.ledger.hopeless |= {f"circle@{domain}" for domain in DOMAINS}
        self.ledger.hopeless |= {f"{name}@{domain}" for domain in DOMAINS for name in ("nobody", CRAMPED)}
        self.ledger.postmasters |= {f"{PEOPLE[0]}@{domain}" for domain in DOMAINS}
        self.seen = Seen(world.problem)
        self._beside = Beside(self.ledger, self.seen, world.child())
        self.doubles = Doubles(world.network, self.ledger)
        self.servers: list[Server] = []
        for site in self._sites.values():
            server = world.serve(site)
            server.forgets = self.doubles.forgets
            self.servers.append(server)
        self._client = world.host("client", "10.0.9.1")
        self._stranger = world.host("stranger", "10.0.9.2")
        self.abroad = Abroad(world.host(ABROAD, "10.0.2.1"), ABROAD, self.ledger)
        mx = [f"10 mail.{ABROAD}", f"20 mx.{BACKUP}"]
        world.names.zones |= {ABROAD: {"MX": mx}, f"mail.{ABROAD}": {"A": ["10.0.2.1"]}}
        self.readers = {account: self._reader(account) for account in self._accounts}
        self._at_imap = [f"{name}@{domain}" for name in PEOPLE for domain in DOMAINS]
        self._collectors = [self._collector(f"{COLLECTOR}@{domain}") for domain in DOMAINS]
        self._busy = 0
        self._blocks = 0
        self._times: list[float] = []
        #: Until then something lasts that ``settle`` must wait for.
        self.busy_until = 0.0

    def _reader(self, account: str) -> Reader:
        world, address = self.world, self._sites[account.partition("@")[2]].address
        return Reader(
            self._client, address, account, self.ledger, self.seen, world.problem, world.child(), self.passwords
        )

    def _collector(self, account: str) -> Collector:
        world = self.world
        where = self._client, self._sites[account.partition("@")[2]].address, account
        return Collector(*where, self.ledger, world.problem, world.child(), self.passwords)

    def leads(self, address: str) -> Leads:
        """Nowhere for a circle or an unknown name."""
        ends: dict[str, None] = {}
        over: dict[str, None] = {}
        left = [address]
        while left:
            one = left.pop()
            local, _, domain = one.partition("@")
            site = self._sites.get(domain)
            if site is None or local in site.accounts:
                ends[one] = None
            elif one not in over:
                left += site.aliases.get(local, ())
            over[one] = None
        return Leads(frozenset(over), tuple(ends))

    def move_in(self, server: Server, name: str) -> str:
        """That account has been made there; gives its address."""
        self._change(server, accounts=(*server.site.accounts, name))
        account = f"{name}@{server.name}"
        self._accounts.append(account)
        self._at_imap.append(account)
        self.readers[account] = self._reader(account)
        return account

    def lead(self, server: Server, name: str, targets: Sequence[str]) -> None:
        """That alias has been made there."""
        self._change(server, aliases={**server.site.aliases, name: targets})

    def _change(self, server: Server, **what: Any) -> None:
        server.site = self._sites[server.name] = msgspec.structs.replace(server.site, **what)

    def anybody(self) -> str:
        return self.world.rng.choice(self._accounts)

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for server in self.servers:
            server.start()
        self.world.run(60, lambda: all(server.ready for server in self.servers))
        self._blocks = blocks()

    def live(self, hours: float) -> None:
        """Ask for all that people will do; ``world.run`` lets them.  They do it at the same times, and get in each
        other's way."""
        rng = self.world.rng
        self._times = [rng.uniform(0, hours * HOUR) for _ in range(max(1, int(hours * TIMES)))]
        for _ in range(int(hours * LETTERS)):
            self.world.network.later(self.some_time(), self._begin, self._send)
        for _ in range(int(hours * SESSIONS)):
            self.world.network.later(self.some_time(), self._begin, self._session)
        for _ in range(int(hours * VISITS)):
            self.world.network.later(self.some_time(), self._visit)
        for _ in range(int(hours * ONLOOKERS)):
            self.world.network.later(self.some_time(), self._begin, self._look_on)

    def some_time(self) -> float:
        """Seconds until somebody does something, once ``live`` has been called."""
        return self.world.rng.choice(self._times) + self.world.rng.uniform(0, RUSH)

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._busy += 1
        self.world.begin(work()).addCallback(self._done)

    def _done(self, _: object) -> None:
        self._busy -= 1

    def _visit(self) -> None:
        rng = self.world.rng
        self._visit_one(rng.choice(self.servers), rng.choice((*PEOPLE, COLLECTOR)))

    def _visit_one(self, server: Server, name: str) -> Deed | None:
        """Another program is at work in the mailbox of that account."""
        deed = self._beside.visit(server, name, removes=name != COLLECTOR)
        if deed is not None and deed.uid:
            self.world.network.later(LASTING, self._lasts, server, server.running, f"{name}@{server.name}", deed)
        return deed

    def _lasts(self, server: Server, running: Running | None, account: str, deed: Deed) -> None:
        """That was done some time ago.  What was done just before a server ended may be undone (``journal_disk``)."""
        if running is None or server.running is not running:
            return
        if deed.flag:
            self.seen.was_flagged(account, "INBOX", deed.uid, deed.flag)
        else:
            self.seen.has_left(account, "INBOX", deed.uid)

    async def _look_on(self) -> None:
        rng = self.world.rng
        server, name = rng.choice(self.servers), rng.choice(PEOPLE)
        await self.readers[f"{name}@{server.name}"].look_on(
            lambda: self._visit_one(server, name), lambda: self._state(server)
        )

    def _state(self, server: Server) -> object:
        """None while something is wrong."""
        wrong = not server.ready or server.disk is None or server.disk.ails or not self.world.network.is_calm
        return None if wrong or server.clock is None else (server.running, server.clock.offset)

    def change_within(self, domain: str, then: Callable[[], object]) -> None:
        """Somebody of that server changes all messages of a mailbox; ``then`` is called when it has answered."""
        reader = self.readers[f"{self.world.rng.choice(PEOPLE)}@{domain}"]
        self._begin(lambda: reader.change_many(then))

    def write_to(self, domain: str) -> Callable[[], None]:
        """Somebody will write to somebody there."""
        names = PEOPLE if domain in DOMAINS else ("x1", "x2")
        return lambda: self.write_one(f"{self.world.rng.choice(names)}@{domain}")

    def write_one(self, address: str) -> None:
        """Somebody writes to that address."""
        sender = self.anybody()
        self._begin(lambda: self._send_one(sender, [address]))

    def write_from_outside(self, address: str) -> None:
        """A stranger comes to the server of that account with a letter."""
        letter = self.ledger.write(self.world.rng, self.anybody(), [address])
        site = self._sites[address.partition("@")[2]]
        self._begin(lambda: Sender(self._stranger, self.ledger, site.address).send(letter))

    def write_within(self, domain: str, then: Callable[[], object]) -> None:
        """Two people of one server; ``then`` is called when it has answered."""

        async def send() -> None:
            await self._send_one(f"ann@{domain}", [f"bob@{domain}"])
            then()

        self._begin(send)

    async def _send_one(self, sender: str, recipients: Sequence[str]) -> None:
        letter = self.ledger.write(self.world.rng, sender, recipients)
        site = self._sites[sender.partition("@")[2]]
        await Sender(self._client, self.ledger, site.address, sender, self.passwords.of(sender)).send(letter)

    async def _send(self) -> None:
        rng = self.world.rng
        to = [*self._accounts, *(f"team@{each}" for each in DOMAINS), f"x{rng.randrange(5)}@{ABROAD}", "away@a.test"]
        to += ["circle@b.test", "nobody@c.test"] if rng.random() < 0.2 else []
        sender = self.anybody()
        if rng.random() < 0.25:  # from outside, to people of one server
            site = rng.choice(list(self._sites.values()))
            letter = self.ledger.write(rng, sender, [f"{name}@{site.domain}" for name in rng.sample(site.accounts, 2)])
            await Sender(self._stranger, self.ledger, site.address, lmtp=rng.random() < LOCALLY).send(letter)
            return
        await self._send_one(sender, rng.sample(to, rng.choice((1, 1, 2, 4))))

    async def _session(self) -> None:
        rng = self.world.rng
        if rng.random() < 0.25:
            await rng.choice(self._collectors).session()
        else:
            await self.readers[rng.choice(self._at_imap)].session(rng.randrange(1, 2 * ACTIONS))

    # -- the end ---------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Nothing is wrong any more: queues drain, books balance, servers end without a trace."""
        world = self.world
        world.run(self.busy_until - world.timeline.now)
        world.network.weather = Weather()
        world.network.heal()
        world.names.troubled.clear()
        self.abroad.feel(Mood.KIND)
        for server in self.servers:
            server.recover()
        if not self._comes_to_rest():
            world.problem(f"not at rest: {self._busy} clients, queues {[server.waiting for server in self.servers]}")
        self._weigh()
        self._audit()
        for server in self.servers:
            server.stop()
        if not world.run(120, lambda: all(server.running is None for server in self.servers)):
            world.problem("a server does not stop")

    def _comes_to_rest(self) -> bool:
        """Whether nothing is on its way any more, and stays so: between two servers a letter is in neither queue."""
        end = self.world.timeline.now + PATIENCE
        while self.world.run(end - self.world.timeline.now, self._is_quiet):
            if not self.world.run(REST, lambda: not self._is_quiet()):
                return True
        return False

    def _is_quiet(self) -> bool:
        return not self._busy and not any(server.waiting for server in self.servers)

    def _weigh(self) -> None:
        """What is kept of letters that went through: not much.  Simulated disks remember each file that ever was."""
        files = sum(server.disk.operations for server in self.servers if server.disk is not None)
        more, allowed = blocks() - self._blocks, SETTLED + A_LETTER * len(self.ledger.letters) + files
        if more > allowed:
            self.world.problem(f"{more} pieces of memory are kept, and {allowed} should be enough")

    def _audit(self) -> None:
        present: Counter[tuple[str, int]] = Counter()
        for account in self._accounts:
            self._begin(lambda account=account: self._audit_one(account, present))  # type: ignore[misc]
        if not self.world.run(600, lambda: not self._busy):
            self.world.problem("the audit does not end")
        self.ledger.balance(present)
        if self.doubles.repeated > self.doubles.allowed:
            self.world.problem(
                f"{self.doubles.repeated} letters were sent again, and there were places for {self.doubles.allowed}"
            )

    async def _audit_one(self, account: str, present: Counter[tuple[str, int]]) -> None:
        try:
            count = await self.readers[account].audit(present)
            if account.startswith(CRAMPED) and count > ROOM:
                self.world.problem(f"{account} has {count} messages, and room for {ROOM}")
        except (Broken, No) as error:
            self.world.problem(f"{account} cannot be read: {error}")

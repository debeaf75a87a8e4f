"""People who read their mail: random sessions over IMAP and POP3, with what they saw and did in the books."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from mailsuite.testing.world.beside import Deed
from mailsuite.testing.world.imap_client import Client, No, View, open_client
from mailsuite.testing.world.ledger import Copy, Ledger, Taken
from mailsuite.testing.world.letters import digest_of
from mailsuite.testing.world.reactor import HostReactor
from mailsuite.testing.world.seen import Seen
from mailsuite.testing.world.site import Passwords
from mailsuite.testing.world.stream import Broken

#: Seconds within which a session is told what other programs did.  While files of the mailbox follow an answer nobody
#: looks (a second, ``store.behind``), and then not before times are past doubt (six at most, ``store.sight``).
PROMPT = 10.0
#: Share of those who look on that have just changed something themselves.
BUSY = 0.6
#: Mailboxes of every account that IMAP sees.
BOXES = ("INBOX", "Archive")
#: Messages that are removed at once, at most.
_REMOVED = 5
_FLAGS = ("\\Seen", "\\Flagged", "$Work")


class Reader:
    """One person at an IMAP client.  Never fails: a connection may end at any time."""

    def __init__(
        self,
        reactor: HostReactor,
        address: str,
        account: str,
        ledger: Ledger,
        seen: Seen,
        problem: Callable[[str], None],
        rng: random.Random,
        passwords: Passwords,
    ) -> None:
        self._reactor, self._address, self._account, self._passwords = reactor, address, account, passwords
        self._ledger, self._seen, self._problem, self._rng = ledger, seen, problem, rng

    async def session(self, actions: int) -> None:
        try:
            client = await self._open()
            await self._use(client, actions)
            if self._rng.random() < 0.8:
                await client.command("LOGOUT")
            client.stream.close()
        except (Broken, No):
            return

    async def log_in(self, password: str) -> Client:
        """Raises Broken, No."""
        where = self._reactor, self._address, self._account
        return await open_client(*where, self._seen, self._problem, password)

    async def _open(self) -> Client:
        client = await self.log_in(self._passwords.of(self._account))
        if self._rng.random() < 0.3:
            with contextlib.suppress(No):
                await client.command("CREATE Archive")
        return client

    async def _use(self, client: Client, actions: int) -> None:
        try:
            name = self._rng.choice(BOXES)
            view = await client.select(name)
            doings = (
                self._read,
                self._flag,
                self._remove,
                self._move,
                self._copy,
                self._append,
                self._wait,
                self._noop,
                self._dawdle,
            )
            for _ in range(actions):
                try:
                    await self._rng.choice(doings)(client, view)
                except No as error:
                    self._network_note(client, str(error))
        except Broken:
            client.stream.abort()
            raise

    def _network_note(self, client: Client, words: str) -> None:
        self._reactor.network.trace.note(client.where, words)

    def _pick(self, view: View) -> int:
        """Some message, 0 if there is none."""
        return self._rng.choice(self._staying(view) or [0])

    def _pick_some(self, view: View) -> list[int]:
        """One message or several, if there are any."""
        uids = self._staying(view)
        return sorted(self._rng.sample(uids, self._rng.randint(1, len(uids)))) if uids else []

    def _staying(self, view: View) -> list[int]:
        return [uid for uid in view.uids if uid and uid not in view.box.leaving]

    async def _read(self, client: Client, view: View) -> None:
        if uid := self._pick(view):
            await self._read_one(client, view, uid)

    async def _read_one(self, client: Client, view: View, uid: int) -> int:
        """The number of the letter, 0 of what is none or is gone."""
        view.bodies.pop(uid, None)
        await client.command(f"UID FETCH {uid} (BODY.PEEK[])")
        octets = view.bodies.pop(uid, None)
        if octets is None:
            return 0
        digest = digest_of(octets)
        self._seen.message(client.where, view.box, uid, digest)
        return self._ledger.read(self._account, octets)

    async def _flag(self, client: Client, view: View) -> None:
        await self._flag_these(client, view, self._pick_some(view))

    async def _flag_these(self, client: Client, view: View, uids: Sequence[int]) -> None:
        if uids:
            flag = self._rng.choice(_FLAGS)
            await client.command(f"UID STORE {_set(uids)} +FLAGS ({flag})")
            for uid in uids:
                if uid in view.flags and flag in view.flags[uid]:  # it was not removed meanwhile
                    self._seen.flagged(view.box, uid, flag)

    async def _remove(self, client: Client, view: View) -> None:
        await self._remove_these(client, view, self._pick_some(view)[:_REMOVED])

    async def _remove_these(self, client: Client, view: View, wanted: Sequence[int]) -> None:
        numbers = {uid: await self._read_one(client, view, uid) for uid in wanted}
        if uids := [uid for uid in numbers if uid not in view.box.leaving]:
            view.box.leaving.update(uids)
            self._removed(view, uids, numbers, sure=False)
            await client.command(f"UID STORE {_set(uids)} +FLAGS.SILENT (\\Deleted)")
            await client.command(f"UID EXPUNGE {_set(uids)}")
            view.box.gone.update(uids)
            self._removed(view, uids, numbers, sure=True)

    def _removed(self, view: View, uids: Sequence[int], numbers: Mapping[int, int], sure: bool) -> None:
        for uid in uids:
            if numbers[uid]:
                self._ledger.removed(numbers[uid], Copy(self._account, view.box.uidvalidity, uid), sure)

    async def _move(self, client: Client, view: View) -> None:
        if uid := self._pick(view):
            view.box.leaving.add(uid)
            await client.command(f"UID MOVE {uid} {self._rng.choice(BOXES)}")

    async def _copy(self, client: Client, view: View) -> None:
        uid = self._pick(view)
        if uid and (number := await self._read_one(client, view, uid)):
            self._ledger.copied(self._account, number)
            await client.command(f"UID COPY {uid} {self._rng.choice(BOXES)}")

    async def _append(self, client: Client, view: View) -> None:
        if self._rng.random() < 0.5:
            return
        letter = self._ledger.write(self._rng, self._account, (), self._account)
        self._ledger.answered(letter, self._account, Taken.PERHAPS)
        try:
            await client.command(f"APPEND INBOX {{{len(letter.octets)}}}", letter.octets)
        except No:
            self._ledger.answered(letter, self._account, Taken.NO)
            raise
        self._ledger.answered(letter, self._account, Taken.YES)

    async def _wait(self, client: Client, view: View) -> None:
        await client.idle(self._rng.uniform(0.1, 20))

    async def _dawdle(self, client: Client, view: View) -> None:
        """Ask for everything, and read it late."""
        view.bodies.clear()
        client.stream.read_nothing_for(self._rng.uniform(1, 60))
        await client.command("UID FETCH 1:* (BODY.PEEK[])")
        for uid, octets in view.bodies.items():
            self._seen.message(client.where, view.box, uid, digest_of(octets))
            self._ledger.read(self._account, octets)
        view.bodies.clear()

    async def _noop(self, client: Client, view: View) -> None:
        await client.command("NOOP")

    # -- what others do ------------------------------------------------------------------------------------------------

    async def change_many(self, then: Callable[[], object]) -> None:
        """``then`` is called when all messages of a mailbox were flagged, or removed."""
        try:
            client = await self._open()
            view = await client.select(BOXES[0])
            change = self._rng.choice((self._flag_these, self._flag_these, self._remove_these))
            await change(client, view, self._staying(view))
            then()
            await client.command("LOGOUT")
            client.stream.close()
        except (Broken, No):
            return

    async def look_on(self, act: Callable[[], Deed | None], state: Callable[[], object]) -> None:
        """While another program does something: it is to be told within ``PROMPT`` seconds, if ``state`` is the same
        before and after, and not None: that of a server for which nothing goes wrong."""
        try:
            client = await self._open()
            view = await client.select(BOXES[0])
            if self._rng.random() < BUSY:
                await self._flag(client, view)
            before, leaving = state(), frozenset(view.box.leaving)
            deed = act()
            if deed is not None and before is not None:
                told = await self._rng.choice((self._hear, self._ask, self._select_again))(client, view)
                taken = deed.number and view.box.leaving - leaving  # by another session, perhaps
                if not taken and not await self._knows(client, told, deed) and state() == before:
                    self._problem(f"{client.where}: not told within {PROMPT:.0f} s that {deed}")
            client.stream.close()
        except (Broken, No):
            return

    async def _hear(self, client: Client, view: View) -> View:
        await client.idle(PROMPT)
        return view

    async def _ask(self, client: Client, view: View) -> View:
        await client.listen(PROMPT)
        await client.command("NOOP")
        return view

    async def _select_again(self, client: Client, view: View) -> View:
        await client.listen(PROMPT)
        return await client.select(BOXES[0])

    async def _knows(self, client: Client, view: View, deed: Deed) -> bool:
        """Whether it was told of it, or of what another session did after."""
        if deed.uid:
            return deed.uid not in view.uids or deed.flag in view.flags.get(deed.uid, ())
        if 0 in view.uids:
            await client.command(f"FETCH {view.uids.index(0) + 1}:{len(view.uids)} (UID)")
        for uid in sorted(view.uids, reverse=True):
            if uid and await self._read_one(client, view, uid) == deed.number:
                return True
        return False

    # -- the audit -------------------------------------------------------------------------------------------------

    async def audit(self, present: Counter[tuple[str, int]]) -> int:
        """Read everything; how many messages there are.  Raises Broken, No."""
        count = 0
        client = await self.log_in(self._passwords.of(self._account))
        for name in BOXES:
            try:
                view = await client.select(name)
            except No:
                continue
            count += len(view.uids)
            for uid in view.uids:
                if number := await self._read_one(client, view, uid):
                    present[self._account, number] += 1
        await client.command("LOGOUT")
        client.stream.close()
        return count


def _set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))

"""Many people at once: each fetches mail by POP3 from an account of their own."""

from __future__ import annotations

import asyncio
import time

from bench.figures.figure import Measured, Measurement, Wanted, in_turns
from bench.figures.servers import Served, can_have, dovecot, ours

FIRST, AGAIN = "first", "again"


def crowd(wanted: Wanted) -> Measurement:
    """POP3 sessions that all begin at once, each with an account of its own: seconds until the last has logged in, been
    told by STAT what there is, and quit. First with passwords that the server has not seen since it started and
    mailboxes that it has to make, then again. Both servers have argon2id hashes of the same cost; mailsuite knows one
    that was right again, and Dovecot has its cache, which spares it the look-up but not the hash."""
    count = wanted.count(200)

    def measured(served: Served) -> Measured:
        people = [served.person(number) for number in range(count)]
        return {FIRST: asyncio.run(_all_at_once(served, people)), AGAIN: asyncio.run(_all_at_once(served, people))}

    def mine() -> Measured:
        with ours(people=count) as served:
            return measured(served)

    def theirs() -> Measured:
        with dovecot(people=count) as served:
            return measured(served)

    units = {FIRST: "s", AGAIN: "s"}
    figures = in_turns(wanted.runs, units, mine, theirs if can_have("dovecot") else None, "Dovecot")
    return Measurement(f"{count:,} sessions and accounts, whose mailboxes are empty", figures)


async def _all_at_once(served: Served, people: list[str]) -> float:
    """Seconds; RuntimeError if one of them is refused anything."""
    begun = time.perf_counter()
    await asyncio.gather(*(_session(served, person) for person in people))
    return time.perf_counter() - begun


async def _session(served: Served, person: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.pop3)
    await reader.readline()
    for command in (f"USER {person}", f"PASS {served.password}", "STAT", "QUIT"):
        writer.write(command.encode() + b"\r\n")
        answer = await reader.readline()
        if not answer.startswith(b"+OK"):
            raise RuntimeError(f"{person}: {command.split()[0]}: {answer!r}")
    writer.close()

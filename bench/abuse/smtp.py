"""Abuse that SMTP sees before it has a message: slow and endless input, recipients without end, floods."""

from __future__ import annotations

import time

from bench.abuse.case import Aim, abuse
from bench.abuse.peer import Imap, Peer, Smtp, still_open, wait_until_closed
from mailsuite.config.limits import Limits

MIB = 1 << 20


@abuse(
    "`timeouts.smtp_greeting`, `timeouts.login`: time counts for whole commands, not for octets",
    connections=90,
    octets=90,
)
def slow_header(aim: Aim) -> str:
    """Ninety connections each send an octet of their first command a second."""
    peers = [Peer(aim.ports[("smtp", "imap", "pop3")[n % 3]]) for n in range(90)]
    begun = time.monotonic()
    while time.monotonic() < begun + 20 and still_open(peers):
        for peer in peers:
            peer.send(b"X")
        time.sleep(0.5)
    took = time.monotonic() - begun
    assert not still_open(peers), f"{still_open(peers)} are still there after {took:.0f} s"
    return f"90 connections ended within {took:.0f} s, each octet of theirs notwithstanding"


@abuse("`limits.data_rate` once `timeouts.smtp_data` is over", connections=30, octets=30 * 80)
def slow_body(aim: Aim) -> str:
    """Thirty messages arrive at two octets a second."""
    peers = [Smtp(aim).envelope(aim.victim) for _ in range(30)]
    begun = time.monotonic()
    while still_open(peers):
        assert time.monotonic() < begun + 40, "dripping for 40 s"
        for peer in peers:
            peer.send(b"a")
        time.sleep(0.5)
    return f"all cut after {time.monotonic() - begun:.0f} s"


@abuse(
    "no further command is done while answers wait; cut after `timeouts.*` without reading", connections=22, octets=MIB
)
def slow_reader(aim: Aim) -> str:
    """Clients ask for tens of MiB, again and again, and read nothing."""
    with Imap(aim) as writer:
        message = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * (aim.sized(8 * MIB, MIB) // 78)
        assert writer.log_in().append("INBOX", message).startswith(b"OK")
    imap = [Imap(aim, buffer=2048).log_in() for _ in range(10)]
    for peer in imap:
        assert peer.ask(b"SELECT INBOX").startswith(b"OK")
        peer.send(b"t FETCH 1:* (BODY.PEEK[] ENVELOPE)\r\n" * 50)
    smtp = [Peer(aim.ports["smtp"], buffer=2048) for _ in range(10)]
    for peer in smtp:
        peer.line()
        peer.send(b"EHLO evil.test\r\n")
        peer.line()
        peer.send(b"HELP\r\n" * 90)
    time.sleep(15)
    left = 0
    for peer in (*imap, *smtp):  # what the kernel holds comes first, then the end
        peer.socket.settimeout(10)
        left += not _ends(peer)
    assert not left, f"{left} connections go on"
    with Imap(aim) as writer:
        writer.log_in().ask(b"SELECT INBOX")
        writer.ask(b"STORE 1:* +FLAGS (\\Deleted)")
        writer.ask(b"EXPUNGE")
    return "all 20 were cut without having read"


def _ends(peer: Peer) -> bool:
    """Reads to the end, which comes within a few MiB."""
    seen = 0
    try:
        while got := peer.socket.recv(1 << 20):
            seen += len(got)
            if seen > 16 * MIB:
                return False
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@abuse(
    "`limits.command_line` (SMTP), 255 octets (POP3), 64 KiB (IMAP): the rest of a line is dropped as it comes",
    connections=4,
    octets=2 * MIB,
)
def endless_line(aim: Aim) -> str:
    """Lines of 64 MiB as commands, in each protocol."""
    piece = b"x" * MIB
    told = []
    for service in ("smtp", "submission", "pop3", "imap"):
        with Peer(aim.ports[service], patience=60) as peer:
            peer.line()
            sent = peer.send_all(piece for _ in range(aim.sized(64, 2)))
            peer.send(b"\r\n")
            answer = peer.line()
            assert len(answer) < 70_000
            assert answer.startswith((b"500", b"421", b"-ERR")) or b" BAD " in answer or b"BYE" in answer, answer[-100:]
            told.append(f"{service} {answer.strip(b'x')[:24].decode()!r}" + ("" if sent else " (cut)"))
    return ", ".join(told)


#: RCPTs that any session is too short for.
MORE_THAN_A_SESSION = Limits().commands + 2000


@abuse("`limits.recipients` of a message, then `limits.commands` of a session", octets=10 * MORE_THAN_A_SESSION)
def million_recipients(aim: Aim) -> str:
    """A million RCPT for existing addresses, pipelined."""
    wanted, answers = aim.sized(1_000_000, MORE_THAN_A_SESSION), {b"250": 0, b"452": 0, b"421": 0}
    account, _, domain = aim.victim.partition("@")
    with Smtp(aim, patience=60) as peer:
        peer.ask(b"EHLO evil.test")
        peer.ask(b"MAIL FROM:<mallory@evil.test>")
        at = 0
        while at < wanted:
            batch = [b"RCPT TO:<%b+%d@%b>\r\n" % (account.encode(), n, domain.encode()) for n in range(at, at + 500)]
            if not peer.send(b"".join(batch)) or not _count(peer, len(batch), answers):
                break
            at += len(batch)
    assert answers[b"250"] == 1000, answers
    assert answers[b"452"], answers
    assert answers[b"421"], answers
    return ", ".join(f"{code.decode()} {count} times" for code, count in answers.items())


def _count(peer: Smtp, replies: int, answers: dict[bytes, int]) -> bool:
    """Replies by code; False when the session has ended."""
    for _ in range(replies):
        reply = peer.reply()
        if not reply:
            return False
        answers[reply[:3]] = answers.get(reply[:3], 0) + 1
    return True


@abuse("`limits.refused_recipients` of a stranger's session", octets=21 * 20)
def harvesting(aim: Aim) -> str:
    """A stranger tries out names."""
    answers: dict[bytes, int] = {}
    domain = aim.victim.partition("@")[2].encode()
    with Smtp(aim) as peer:
        peer.ask(b"EHLO evil.test")
        peer.ask(b"MAIL FROM:<mallory@evil.test>")
        for n in range(100):
            peer.send(b"RCPT TO:<name%d@%b>\r\n" % (n, domain))
            if not _count(peer, 1, answers):
                break
    assert answers.get(b"550", 0) <= 20, answers
    assert answers.get(b"421"), answers
    return f"ended after {answers[b'550']} refusals"


@abuse(
    "`limits.idle_commands` (SMTP), `limits.errors`; one command at a time, and others take their turns in between",
    connections=5,
    octets=64_000,
)
def pipelined_floods(aim: Aim) -> str:
    """Two hundred thousand commands at once without waiting for answers, in each protocol."""
    count, told = aim.sized(200_000, 5000), []
    floods = {"smtp": b"NOOP\r\n", "submission": b"VRFY x\r\n", "pop3": b"NOOP\r\n", "imap": b"a NOOP\r\n"}
    for service, command in floods.items():
        with Peer(aim.ports[service], patience=60) as peer:
            peer.line()
            if service in ("smtp", "submission"):
                peer.send(b"EHLO evil.test\r\n")
                peer.line()
            done = _pour(peer, command, count)
            assert service == "imap" or done < 2000, f"{service} answers {done} commands"
            told.append(f"{service} {done}")
    with Imap(aim) as peer:
        told.append(f"imap logged in {_pour(peer.log_in(), b'a NOOP' + bytes((13, 10)), count)}")
    return "answered of each: " + ", ".join(told)


def _pour(peer: Peer, command: bytes, count: int) -> int:
    """Lines that were answered before the server closed."""
    at, answered = 0, 0
    while at < count:
        if not peer.send(command * min(1000, count - at)):
            break
        at += 1000
        for _ in range(1000):
            if not peer.line():
                return answered
            answered += 1
    return answered


#: Sizes of chunks that no machine has; RFC 3030 §2 has no bound for them.
IMPOSSIBLE = (b"99999999999999999999", b"18446744073709551616", b"-1", b"4294967296 LAST")


@abuse(
    "bodies are never commands; a message that is refused is read to its end, or the session ends",
    connections=len(IMPOSSIBLE) + 1,
    octets=8000,
)
def chunks_of_nothing(aim: Aim) -> str:
    """BDAT with sizes that no machine has, each on a connection of its own, and a hundred thousand chunks of no
    octets."""
    told = []
    for size in IMPOSSIBLE:
        with Smtp(aim).addressed(aim.victim) as peer:
            answer = peer.ask(b"BDAT " + size)
        assert answer[:1] in (b"5", b"4", b""), answer
        told.append(f"{size.decode()} {answer[:9].decode() or 'the end'!r}")
    with Smtp(aim, patience=60).addressed(aim.victim) as peer:
        told.append(f"{_pour(peer, b'BDAT 0' + bytes((13, 10)), aim.sized(100_000, 1000))} chunks of nothing")
    return ", ".join(told)


@abuse("`timeouts.login`, and what waits of a handshake is OpenSSL's to bound", connections=21, octets=4000)
def handshakes(aim: Aim) -> str:
    """TLS ports are sent everything but TLS, half a handshake, and STARTTLS with commands behind it."""
    peers = [Peer(aim.ports["imaps"]) for _ in range(20)]
    for n, peer in enumerate(peers):
        peer.send((b"\x16\x03\x01\x40\x00\x01" + b"\x00" * 300, b"GET / HTTP/1.1\r\n\r\n" * 100, b"\x16")[n % 3])
    with Smtp(aim) as peer:
        peer.ask(b"EHLO evil.test")
        peer.send(b"STARTTLS\r\nMAIL FROM:<injected@evil.test>\r\n")
        answer = peer.reply()
        peer.send(b"no handshake\r\n" * 1000)
        assert b"250" not in peer.line()[:4]
    took = wait_until_closed(peers, 20)
    return f"20 halves of a handshake ended within {took:.0f} s; injected command: {answer[:24].decode()!r}"

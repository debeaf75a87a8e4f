"""Answers of name servers that the recipient of a message has chosen."""

from __future__ import annotations

import time

from bench.abuse.case import Aim, abuse
from bench.abuse.peer import Smtp


@abuse("64 KiB a DNS answer is what TCP allows; 10 hosts of a domain and 10 addresses of a host are tried", octets=400)
def huge_dns_answers(aim: Aim) -> str:
    """Mail to domains with thousands of MX records, each with thousands of addresses, and texts of 64 KiB."""
    domains = ("many.test", "wide.test", "long.test", "chain.test", "ring.test")
    with Smtp(aim, "submission", patience=60) as peer:
        peer.log_in(aim)
        taken = 0
        for n in range(aim.sized(50, 2)):
            peer.ask(b"MAIL FROM:<%b>" % aim.account.encode())
            for domain in domains:
                answer = peer.ask(b"RCPT TO:<u%d@%b>" % (n, domain.encode()))
                assert answer.startswith(b"250"), answer
            peer.ask(b"DATA")
            answer = peer.ask(b"Subject: far\r\n\r\naway\r\n.")
            assert answer.startswith(b"250"), answer
            taken += 1
    time.sleep(12)
    return f"{taken} messages to {len(domains)} such domains wait or went back"

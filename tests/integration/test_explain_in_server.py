"""``mailsuite explain`` knows what the server keeps."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec

from mailsuite.routing.sts_policies import Kept
from mailsuite.testing.dns import DNSServer
from mailsuite.testing.instance import Instance

ZONE = {"bank.test": {"MX": ["10 mx.bank.test"]}, "mx.bank.test": {"A": ["192.0.2.1"]}}
POLICY = "version: STSv1\nmode: enforce\nmx: mx.bank.test\nmax_age: 86400\n"


def test_a_policy_that_is_kept_holds_where_dns_hides_it(tmp_path: Path) -> None:
    """RFC 8461 §10.2."""
    with DNSServer(ZONE) as dns:
        instance = Instance(tmp_path / "i")
        instance.route_by(dns.port, 25)
        kept = instance.folder / "mta-sts"
        kept.mkdir()
        (kept / "bank.test").write_bytes(msgspec.json.encode(Kept("bank.test", "1", time.time(), POLICY)))
        asked = ("--from", "al@demo.test", "--to", "bob@bank.test", "--client", "127.0.0.1", "--json")
        steps = json.loads(instance.command("explain", *asked).stdout)["steps"]
    (tls,) = [step for step in steps if step["stage"] == "tls"]
    assert (tls["rule"], tls["words"]) == ("relay.mta_sts", "TLS with a valid certificate or nothing (MTA-STS)")
    assert [path.name for path in kept.iterdir()] == ["bank.test"]

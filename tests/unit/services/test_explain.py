"""What would happen to an envelope, and whose word that is."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.cli.explain_table import lines_of
from mailsuite.config.load import parse
from mailsuite.config.locate import lines
from mailsuite.model import Account, Address
from mailsuite.services.explain import Explainer
from mailsuite.services.explained import Answer, Asked, Rules, Step, Usage
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.dns import FakeDNS
from mailsuite.testing.results import result_of

CONFIG = """\
hostname = "mx.here.test"
trusted_networks = [
    "198.51.100.0/24",
    "host",
]
[[listener]]
service = "smtp"
address = "*"
port = 25

[[listener]]
service = "submission"
address = "*"
port = 587

[[transport]]
way = "error"
domains = [".bad.test"]
text = "5.1.8 no more"

[[transport]]
way = "host"
domains = ["gate.test"]
host = "192.0.2.77"
tls = "require"

[limits]
message_size = 100000

[relay]
tls = "verify"

[[tls_policy]]
domains = ["partner.test"]
tls = "require"

[[backup]]
domains = [".inner.test"]

[[transport]]
way = "hold"
domains = ["slow.test"]
text = "ask first"
"""
ZONES = {
    "far.test": {"MX": ["20 b.far.test", "10 a.far.test"]},
    "a.far.test": {"A": ["203.0.113.1"]},
    "b.far.test": {"AAAA": ["2001:db8::1"]},
    "_25._tcp.a.far.test": {"TLSA": ["3 1 1 " + "ab" * 32]},
    "_mta-sts.far.test": {"TXT": ["v=STSv1; id=1"]},
    "a.inner.test": {"A": ["203.0.113.9"]},
    "partner.test": {"A": ["203.0.113.8"]},
    "safe.test": {"MX": ["10 mx.safe.test"]},
    "mx.safe.test": {"A": ["203.0.113.7"]},
    "_25._tcp.mx.safe.test": {"TLSA": ["3 1 1 " + "cd" * 32]},
    "null.test": {"MX": ["0 ."]},
    "ours.test": {"MX": ["10 mx.here.test"]},
}


def address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def explained(
    to: str,
    sender: str = "ann@else.test",
    client: str = "192.0.2.1",
    login: str = "",
    size: int = 10,
    service: str = "",
    text: str = CONFIG,
    path: str = "/etc/m.toml",
) -> list[Step]:
    accounts = {"bob@here.test": "x", "full@here.test": "x"}
    aliases = {"all@here.test": ["bob@here.test", "x@far.test"]}
    directory = MemoryDirectory(["here.test"], accounts, aliases, hostname="mx.here.test")

    async def usage(account: str) -> Usage:
        full = account.startswith("full")
        return Usage(Account(account, quota_bytes=1000 if full else 0), octets=995 if full else 5, known=True)

    explainer = Explainer(
        parse(text, path), Rules(path, lines(text)), directory, FakeDNS(ZONES, ("safe.test",)),
        (ipaddress.ip_interface("10.9.9.9/8"),), usage, Clock(),  # type: ignore[arg-type]
    )  # fmt: skip
    asked = Asked(
        address(sender),
        tuple(map(address, to.split())),
        client,
        login,
        service or ("submission" if login else "smtp"),
        size,
    )
    return result_of(Deferred.fromCoroutine(explainer.explain(asked)))


REWRITTEN = """\
[rewriting]
canonical = "canonical"
generic = "generic"
masquerade = ["!lab.here.test", "here.test"]
"""


def rewritten(folder: Path, to: str, sender: str, client: str = "192.0.2.1") -> list[Step]:
    (folder / "canonical").write_text("# x\nbob.b@here.test bob@here.test\ngone@here.test x@gate.test\n")
    (folder / "generic").write_text("ann@here.test\n    ann@isp.test\n")
    return explained(to, sender, client, text=CONFIG + REWRITTEN, path=str(folder / "m.toml"))


def rewrites(steps: list[Step], folder: Path) -> list[tuple[str, str, str, str]]:
    place = str(folder) + "/"
    return [
        (step.about, step.words, step.rule, step.where.removeprefix(place)) for step in steps if step.stage == "rewrite"
    ]


def test_each_exchange_of_an_address_has_its_line(tmp_path: Path) -> None:
    steps = rewritten(tmp_path, "bob.b@here.test", "ann@pc.here.test")
    assert rewrites(steps, tmp_path) == [
        ("ann@pc.here.test", "becomes ann@here.test", "rewriting.masquerade[1]", "m.toml:47"),
        ("", "the header stays as it is", "rewriting.headers", "m.toml (default)"),
        ("bob.b@here.test", "becomes bob@here.test", "bob.b@here.test", "canonical:2"),
    ]
    assert outcome(steps).words == "into INBOX of bob@here.test"


def test_an_address_of_ours_may_become_one_elsewhere_for_anybody(tmp_path: Path) -> None:
    steps = rewritten(tmp_path, "gone@here.test", "ann@here.test")
    assert rewrites(steps, tmp_path)[-2:] == [
        ("gone@here.test", "becomes x@gate.test", "gone@here.test", "canonical:3"),
        ("ann@here.test", "leaves as ann@isp.test", "ann@here.test", "generic:1"),
    ]
    assert outcome(steps).words == "queued for 192.0.2.77:25"


@pytest.mark.parametrize(
    ("to", "answer", "line"),
    [
        ("ann@in.test", Answer.YES, 2),
        ("Bob+x@in.test", Answer.YES, 4),
        ("bob+y@in.test", Answer.YES, 3),
        ("who@all.test", Answer.YES, 5),
        ("who@in.test", Answer.NO, 0),
        ("postmaster@in.test", Answer.YES, 0),
    ],
)
def test_the_line_of_a_list_of_recipients_that_decides_is_named(
    tmp_path: Path, to: str, answer: Answer, line: int
) -> None:
    listed = tmp_path / "people"
    listed.write_text("# who has mail\nann@in.test OK\nbob@in.test\nbob+x@in.test\n@all.test\nann@in.test\n")
    text = f'{CONFIG}\n[[backup]]\ndomains = ["in.test", "all.test"]\nrecipients = "people"\n'
    steps = explained(to, text=text, path=str(tmp_path / "m.toml"))
    (step,) = [one for one in steps if one.rule == "backup[1].recipients" and one.stage == "recipient"]
    assert (step.answer, step.where) == (answer, f"{listed}:{line}" if line else str(listed))
    if answer is Answer.NO:
        assert steps[-1].where == str(listed)


def test_the_return_path_of_what_is_forwarded_or_sent_by_a_list_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    (tmp_path / "generic").write_text("owner+x=far.test@here.test list@out.test\n")
    text = (
        f'{CONFIG}\n[srs]\ndomain = "here.test"\nsecret_file = "secret"\n[verp]\nsenders = ["Owner@here.test"]\n'
        '[rewriting]\ngeneric = "generic"\n'
    )
    path = str(tmp_path / "m.toml")
    line = text[: text.index('domain = "here.test"')].count("\n") + 1

    def told(sender: str, to: str) -> list[tuple[str, str]]:
        found = explained(to, sender, "198.51.100.7", text=text, path=path)
        return [(one.words, one.where) for one in found if one.stage == "rewrite" and one.about == sender]

    ((words, where),) = told("ann@else.test", "all@here.test")
    assert words.startswith("leaves with the return path SRS0=")
    assert where == f"{path}:{line}"
    assert told("bob@here.test", "all@here.test") == told("ann@else.test", "x@far.test") == []
    found = explained("x@far.test", "owner@here.test", "198.51.100.7", text=text, path=path)
    words_of = {one.words: one.rule for one in found if one.stage == "rewrite"}
    assert words_of["leaves with the return path owner+x=far.test@here.test"] == "verp.senders[0]"
    assert "leaves as list@out.test" in words_of
    (tmp_path / "secret").unlink()
    ((words, where),) = told("ann@else.test", "all@here.test")
    assert words.startswith("the return path cannot be told, for the secret cannot be read: ")


def test_what_a_rule_discards_is_not_said_to_be_queued() -> None:
    text = CONFIG + '[[transport]]\nway = "discard"\ndomains = ["gone.test"]\n'
    steps = explained("x@gone.test", "ann@else.test", "10.9.9.9", text=text)
    assert outcome(steps).words == "taken and discarded; nobody is told"


def test_when_it_would_be_tried_again_and_who_says_so() -> None:
    text = CONFIG + '[[schedule]]\nsenders = ["codes@else.test"]\nwaits = [30, 90]\nlifetime = 900\ndelay_notice = 0\n'
    own = explained("x@gate.test", "codes@else.test", "198.51.100.9", text=text)
    usual = explained("x@gate.test", "ann@else.test", "198.51.100.9", text=text)
    ((words, rule, where),) = [(one.words, one.rule, one.where) for one in own if one.stage == "schedule"]
    assert words == "if need be tried again after 30 s, 90 s; nobody hears of the delay; given up after 15 min"
    assert (rule, where) == ("schedule[0]", "/etc/m.toml:44")
    ((words, rule),) = [(one.words, one.rule) for one in usual if one.stage == "schedule"]
    assert words.startswith("if need be tried again after 5 min, 10 min,")
    assert words.endswith("4 h; its sender hears of the delay after 4 h; given up after 5 d")
    assert rule == "retry.waits"


def test_the_header_is_rewritten_for_ours(tmp_path: Path) -> None:
    steps = rewritten(tmp_path, "bob@here.test", "ann@lab.here.test", client="198.51.100.9")
    assert rewrites(steps, tmp_path) == [
        ("ann@lab.here.test", "stays as it is", "rewriting.masquerade[0]", "m.toml:47"),
        ("", "addresses in the header, too", "rewriting.headers", "m.toml (default)"),
    ]


def outcome(steps: list[Step]) -> Step:
    (found,) = [step for step in steps if step.stage == "outcome"]
    return found


@pytest.mark.parametrize(
    ("given", "answer", "words", "where"),
    [
        ({"to": "bob@here.test"}, Answer.YES, "into INBOX of bob@here.test", ""),
        ({"to": "x@far.test"}, Answer.NO, "550 5.7.1 Relaying", "/etc/m.toml:2"),
        ({"to": "no@here.test"}, Answer.NO, "550 5.1.1 No such user", "/etc/directory.sqlite"),
        ({"to": "full@here.test"}, Answer.LATER, "452 4.2.2 The mailbox is full", "/etc/directory.sqlite"),
        ({"to": "bob@here.test", "size": 200_000}, Answer.NO, "552 5.3.4 The message is too big", "/etc/m.toml:28"),
        (
            {"to": "bob@here.test", "login": "bob"},
            Answer.NO,
            "550 5.7.1 You are logged in as bob",
            "/etc/m.toml (default)",
        ),
        ({"to": "bob@here.test", "login": "eve"}, Answer.NO, "535 5.7.8 ", "/etc/directory.sqlite"),
        ({"to": "bob@here.test", "service": "submission"}, Answer.NO, "530 5.7.0 ", "/etc/m.toml:2"),
        ({"to": "bob@here.test", "service": "lmtp"}, Answer.NO, "no listener is for lmtp", "/etc/m.toml (default)"),
        ({"to": "x@a.bad.test", "client": "10.9.9.9"}, Answer.NO, "returned to the sender: 5.1.8 no more", ""),
        (
            {"to": "x@slow.test", "client": "10.9.9.9"},
            Answer.LATER,
            "kept on hold until somebody releases it: ask first",
            "",
        ),
        ({"to": "x@null.test", "client": "10.9.9.9"}, Answer.NO, "returned to the sender: 5.1.10 ", ""),
        ({"to": "x@ours.test", "client": "10.9.9.9"}, Answer.NO, "returned to the sender: 5.4.6 ", ""),
        ({"to": "x@gate.test", "client": "10.9.9.9"}, Answer.YES, "queued for 192.0.2.77:25", ""),
        (
            {"to": "x@far.test", "client": "198.51.100.9"},
            Answer.YES,
            "queued for a.far.test:25 (203.0.113.1), b.far.test:25 (2001:db8::1)",
            "",
        ),
    ],
)
def test_what_becomes_of_it_and_who_says_so(given: dict[str, str], answer: Answer, words: str, where: str) -> None:
    found = outcome(explained(**given))  # type: ignore[arg-type]
    assert (found.answer, found.words.startswith(words), found.where) == (answer, True, where), found


@pytest.mark.parametrize(
    ("domain", "rule", "where", "words"),
    [
        ("far.test", "relay.tls", "/etc/m.toml:31", "TLS with a valid certificate or nothing"),
        ("partner.test", "tls_policy[0]", "/etc/m.toml:33", "TLS or nothing, with any certificate"),
        ("safe.test", "relay.dane", "/etc/m.toml (default)", "TLS with the certificate of the TLSA records or nothing"),
        ("gate.test", "transport[1].tls", "/etc/m.toml:25", "TLS or nothing, with any certificate"),
    ],
)
def test_who_says_what_tls_has_to_be(domain: str, rule: str, where: str, words: str) -> None:
    tls = next(one for one in explained(f"x@{domain}", client="198.51.100.9") if one.stage == "tls")
    assert (tls.rule, tls.where, tls.words.partition(" (")[0]) == (rule, where, words)


def test_a_domain_of_others_is_taken_for_them() -> None:
    steps = explained("x@a.inner.test")
    assert ("recipient", "backup[0]", "/etc/m.toml:37") in {(one.stage, one.rule, one.where) for one in steps}
    assert outcome(steps).words == "queued for a.inner.test:25 (203.0.113.9)"


def test_each_step_names_its_rule() -> None:
    steps = explained("x@far.test", client="198.51.100.9")
    told = {(step.stage, step.rule, step.where) for step in steps}
    assert ("connect", "listener[0]", "/etc/m.toml:6") in told
    assert ("connect", "trusted_networks[0]", "/etc/m.toml:3") in told
    assert ("recipient", "trusted_networks[0]", "/etc/m.toml:3") in told
    assert ("sender", "limits.message_size", "/etc/m.toml:28") in told
    assert ("message", "limits.hops", "/etc/m.toml (default)") in told
    assert ("tls", "relay.tls", "/etc/m.toml:31") in told
    assert ("route", "transport[1]", "/etc/m.toml:21") in {
        (step.stage, step.rule, step.where) for step in explained("x@gate.test", client="198.51.100.9")
    }


def test_the_answers_of_dns_are_told() -> None:
    steps = explained("x@far.test y@far.test", client="198.51.100.9")
    dns = [(step.rule, step.about, step.words) for step in steps if step.stage == "dns"]
    assert dns[:3] == [
        ("MX", "far.test", "20 b.far.test, 10 a.far.test"),
        ("A", "a.far.test", "203.0.113.1"),
        ("A", "b.far.test", "2001:db8::1"),
    ]
    assert ("TLSA", "_25._tcp.a.far.test", "3 1 1 abababababababab..") in dns
    assert ("TXT", "_mta-sts.far.test", "v=STSv1; id=1") in dns
    assert len(dns) % 2 == 0  # as much for the second recipient


def test_an_alias_has_an_outcome_for_each_end() -> None:
    steps = explained("all@here.test")
    assert [(step.about, step.words.partition(" (")[0]) for step in steps if step.stage == "outcome"] == [
        ("all@here.test", "into INBOX of bob@here.test"),
        ("all@here.test -> x@far.test", "queued for a.far.test:25"),
    ]


def test_the_table_fits_eighty_columns_and_keeps_paths_whole() -> None:
    steps = [*explained("x@far.test"), Step("dns", "x" * 70, Answer.NOTE, "a \x1b[31m b", "MX", "/" + "y" * 100)]
    text = list(lines_of(steps, 80, "/etc"))
    assert all(len(line) <= 80 for line in text if "yyy" not in line)
    assert any("by trusted_networks, m.toml:2" in line for line in text)
    assert "\x1b" not in "".join(text)

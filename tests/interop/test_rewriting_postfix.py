"""The same tables and the same messages for Postfix and for us: what leaves has the same addresses."""

from __future__ import annotations

import contextlib
import email
import email.policy
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from peers import Postfix, require_root

from mailsuite.testing.foreign import open_folder
from mailsuite.testing.instance import Instance, running
from mailsuite.testing.peer import ScriptedPeer

CANONICAL = """\
# for senders and recipients
ann@us.test            ann.lee@us.test
@old.test              @new.test
boss+private@us.test   secret@us.test
root                   admin
@one.test
    box@us.test
first@us.test          second@us.test
second@us.test         third@us.test
self@new.test          self@new.test
@self.test             @self.test
"""
SENDERS = "kim@us.test kim.sends@us.test\nann@us.test a@us.test\n"
RECIPIENTS = "kim@far.test kim.gets@far.test\n@moved.test @far.test\n"
GENERIC = """\
third@us.test          3@isp.test
@lan.test              me@isp.test
tom@host.test          tom@isp.test
chain@host.test        tom@host.test
@there.test            @elsewhere.test
"""
MASQUERADE = "!lab.us.test us.test deep.org.test org.test"
POSTFIX = """
myorigin = us.test
mydestination = us.test
virtual_mailbox_domains =
local_recipient_maps =
recipient_delimiter = +
canonical_maps = texthash:{here}/canonical
sender_canonical_maps = texthash:{here}/senders
recipient_canonical_maps = texthash:{here}/recipients
masquerade_domains = {masquerade}
masquerade_exceptions = root
smtp_generic_maps = texthash:{here}/generic
relayhost = [127.0.0.1]:{port}
smtp_tls_security_level = none
transport_maps = static:smtp:[127.0.0.1]:{port}
"""
TRANSPORT = '\n[[transport]]\nway = "host"\nhost = "127.0.0.1"\nport = {port}\n'
#: Sender, recipient; both stand in the header, too.
CASES = [
    ("ann@us.test", "x@far.test"),
    ("Ann@US.test", "x@far.test"),
    ("ann+tag@us.test", "x+y@far.test"),
    ("kim@us.test", "kim@far.test"),
    ("kim+a@us.test", "kim+b@far.test"),
    ("bob@old.test", "bob@old.test"),
    ("bob+x@old.test", "Bob+Y@old.test"),
    ("boss+private@us.test", "boss+other@far.test"),
    ("root@us.test", "x@far.test"),
    ("anybody@one.test", "anybody+x@one.test"),
    ("first@us.test", "x@far.test"),
    ("first+t@us.test", "x@far.test"),
    ("self@new.test", "self@self.test"),
    ("joe@pc7.us.test", "joe@pc7.far.test"),
    ("joe@x.lab.us.test", "joe@lab.us.test"),
    ("joe@a.deep.org.test", "joe@a.b.org.test"),
    ("root@pc7.us.test", "x@far.test"),
    ("joe@org.test", "joe@xorg.test"),
    ("ann@lan.test", "ann+x@lan.test"),
    ("tom+x@host.test", "tom@host.test"),
    ("chain@host.test", "x@there.test"),
    ("x@moved.test", "x+a@moved.test"),
    ("root@far.test", "root@us.test"),
    ("first@pc7.us.test", "first@pc7.us.test"),
    ("a@pc.lan.test", "a@lan.test"),
    ("", "kim@far.test"),
]
MESSAGE = """\
From: "Ann (x)" <{sender}>
Sender: {sender}
Reply-To: {sender}, other@else.test
To: "To: <{to}>" <{to}> (not {to}), Group: a@else.test, {to};
Cc: {to},
 more@else.test
Message-ID: <{number}@us.test>
Subject: {sender}

{sender}
"""
FIELDS = ("From", "Sender", "Reply-To", "To", "Cc", "Subject")


class Left(msgspec.Struct, frozen=True):
    """What the next server was told; fields without white space."""

    sender: str
    recipients: tuple[str, ...]
    fields: tuple[str, ...]


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]
) -> Iterator[tuple[dict[str, Left], dict[str, Left]]]:
    """By Message-ID, what left Postfix and what left us."""
    program("postfix")
    require_root()
    instance = Instance(tmp_path_factory.mktemp("rewriting") / "server")
    theirs, ours = ScriptedPeer(), ScriptedPeer()
    with theirs.serve() as their_port, ours.serve() as our_port, open_folder("mailsuite-peer-") as here:
        instance.ports["lmtp"] = 1  # nobody asks for it here
        peer = Postfix(here, instance)
        del instance.ports["lmtp"]
        configure(here / "etc/main.cf", POSTFIX.format(here=here, port=their_port, masquerade=MASQUERADE))
        for folder in (here, instance.folder):
            tables(folder)
        for key, name in (("canonical",) * 2, ("sender_canonical", "senders"), ("recipient_canonical", "recipients")):
            instance.set("rewriting", key, f'"{name}"')
        instance.set("rewriting", "generic", '"generic"')
        instance.set("rewriting", "masquerade", str(MASQUERADE.split()).replace("'", '"'))
        instance.set("rewriting", "masquerade_exceptions", '["root"]')
        instance.edit(lambda text: 'default_domain = "us.test"\n' + text.replace("default_domain =", "# ", 1))
        instance.edit(lambda text: text.replace("trusted_networks = []", 'trusted_networks = ["host"]'))
        instance.edit(lambda text: text + TRANSPORT.format(port=our_port))
        with running(instance), peer.running():
            send(peer.port)
            send(instance.ports["smtp"])
            for at in (theirs, ours):
                with contextlib.suppress(TimeoutError):
                    instance.wait_until(lambda at=at: len(at.messages) >= len(CASES), 30, "all messages")  # type: ignore[misc]
        yield left(theirs), left(ours)


def configure(file: Path, text: str) -> None:
    """In place of what it says, since Postfix does not get over two settings of one name."""
    keys = {line.partition(" =")[0] for line in text.splitlines() if line}
    kept = [line for line in file.read_text().splitlines() if line.partition(" =")[0] not in keys]
    file.write_text("\n".join(kept) + text)


def tables(folder: Path) -> None:
    for name, text in (
        ("canonical", CANONICAL),
        ("senders", SENDERS),
        ("recipients", RECIPIENTS),
        ("generic", GENERIC),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)


def send(port: int) -> None:
    for number, (sender, to) in enumerate(CASES):
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            text = MESSAGE.format(sender=sender or "nobody@else.test", to=to, number=number)
            client.sendmail(sender, [to], text.replace("\n", "\r\n"))


def left(peer: ScriptedPeer) -> dict[str, Left]:
    found = {}
    for one in peer.messages:
        message = email.message_from_bytes(one.octets, policy=email.policy.compat32)
        fields = tuple("".join(str(message[name]).split()) for name in FIELDS)  # Postfix folds anew
        recipients = tuple(path.split(" ")[0] for path in one.recipients)
        found[message["Message-ID"]] = Left(one.sender.split(" ")[0], recipients, fields)
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{sender}-{to}" for sender, to in CASES])
def test_what_leaves_has_the_same_addresses(both: tuple[dict[str, Left], dict[str, Left]], number: int) -> None:
    theirs, ours = both
    assert ours[f"<{number}@us.test>"] == theirs[f"<{number}@us.test>"]

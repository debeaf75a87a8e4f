"""IMAP as programs of other people speak it, beyond fetching: both ways, searching, moving, idling, compressed."""

from __future__ import annotations

import asyncio
import email
import imaplib
import itertools
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aioimaplib import aioimaplib
from clients import _curl, _maildir, _run, trust
from imap_tools import AND, MailBox, MailMessageFlags
from imapclient import IMAPClient
from imapclient.response_types import Envelope
from terminal import Terminal

from mailsuite.testing.corpus import messages
from mailsuite.testing.instance import Instance, running

COUNT = 6
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(Instance(tmp_path_factory.mktemp("server") / "server")) as instance:
        yield instance


class Account:
    """A user of the server, of its own for each test."""

    def __init__(self, instance: Instance, name: str) -> None:
        self.account, self.password = f"{name}@{instance.domain}", instance.password
        self.ports, self.authority = instance.ports, instance.authority
        self._folder = instance.folder / "store" / instance.domain / name
        self.wait_until = instance.wait_until
        instance.command("user", "add", self.account, "--password-stdin", input=f"{self.password}\n")

    def mail(self) -> list[Path]:
        return [path for part in ("new", "cur") for path in self._folder.rglob(f"{part}/*")]

    def deliver(self, *texts: bytes) -> None:
        """They arrive, and are there."""
        count = len(self.mail()) + len(texts)
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=30) as client:
            for text in texts:
                client.sendmail("someone@demo.test", [self.account], text, mail_options=["BODY=8BITMIME"])
        self.wait_until(lambda: len(self.mail()) >= count, 20, "mail")


@pytest.fixture
def server(instance: Instance) -> Any:
    account = Account(instance, f"user{next(NUMBERS)}")
    account.deliver(*messages(COUNT, seed=13))
    return account


def bodies(found: list[bytes]) -> list[bytes]:
    return sorted(each.replace(b"\r\n", b"\n").partition(b"\n\n")[2] for each in found)


def sent() -> list[bytes]:
    return bodies(list(messages(COUNT, seed=13)))


class Eye:
    """What is really there, by a plain client."""

    def __init__(self, server: Any, mailbox: str = "INBOX") -> None:
        with imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=trust(server)) as imap:
            imap.login(server.account, server.password)
            assert imap.select(f'"{mailbox}"', readonly=True)[0] == "OK", f"there is no {mailbox}"
            _, found = imap.fetch("1:*", "(UID FLAGS BODY.PEEK[])")
        pairs = [each for each in found if isinstance(each, tuple)]
        self.messages = [each[1] for each in pairs]
        self.flags = [set(map(bytes.decode, imaplib.ParseFlags(each[0]))) - {"\\Recent"} for each in pairs]

    @property
    def flagged(self) -> int:
        return sum("\\Flagged" in flags for flags in self.flags)


def names(server: Any) -> set[str]:
    with IMAPClient("localhost", server.ports["imaps"], ssl_context=trust(server)) as client:
        client.login(server.account, server.password)
        return {name for _, _, name in client.list_folders()}


# -- both ways -------------------------------------------------------------------------------------------------------


def change_near(inbox: Path) -> None:
    """What a user does in his copy: one message flagged, one removed, one added; a mailbox of his own."""
    files = sorted(path for part in ("new", "cur") for path in (inbox / part).iterdir())
    flagged, removed = files[0], files[1]
    head, _, flags = flagged.name.partition(":2,")
    flagged.rename(inbox / "cur" / f"{head}:2,{''.join(sorted({*flags, 'F'}))}")
    removed.unlink()
    (inbox / "cur" / "1700000000.M1P1.near:2,S").write_bytes(b"Subject: from here\n\nnear\n")


def change_far(server: Any) -> None:
    """What another client does."""
    with IMAPClient("localhost", server.ports["imaps"], ssl_context=trust(server)) as client:
        client.login(server.account, server.password)
        client.select_folder("INBOX")
        uids = client.search()
        client.add_flags(uids[2], ["\\Answered"])
        client.delete_messages(uids[3])
        client.expunge()
        client.create_folder("Far/Entwürfe")
        client.append("Far/Entwürfe", b"Subject: far\r\n\r\nfar\r\n")


def test_mbsync_brings_both_sides_together(server: Any, tmp_path: Path, program: Callable[[str], str]) -> None:
    program("mbsync")
    near = tmp_path / "mail"
    near.mkdir()
    rc = tmp_path / "mbsyncrc"
    rc.write_text(
        f"IMAPAccount a\nHost localhost\nPort {server.ports['imaps']}\nUser {server.account}\n"
        f'Pass "{server.password}"\nSSLType IMAPS\nCertificateFile {server.authority}\n\n'
        "IMAPStore far\nAccount a\n\n"
        f"MaildirStore near\nPath {near}/\nInbox {near}/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nRemove Both\nSyncState *\n"
    )
    _run("mbsync", "-c", str(rc), "-a")
    assert bodies(_maildir(near / "INBOX")) == sent()
    change_near(near / "INBOX")
    for part in ("new", "cur", "tmp"):
        (near / "Near" / part).mkdir(parents=True)
    _run("mbsync", "-c", str(rc), "-a")
    far = Eye(server)
    assert (len(far.messages), far.flagged) == (COUNT, 1)
    assert b"near" in b"".join(far.messages)
    assert "Near" in names(server)
    change_far(server)
    _run("mbsync", "-c", str(rc), "-a")
    assert bodies(_maildir(near / "INBOX")) == bodies(Eye(server).messages)
    assert sum("R" in path.name.partition(":2,")[2] for path in (near / "INBOX").glob("*/*:2,*")) == 1
    assert [path for path in near.glob("Far/*") if "Entw" in path.name]
    before = sorted(near.rglob("*"))
    _run("mbsync", "-c", str(rc), "-a")
    assert sorted(near.rglob("*")) == before, "nothing is left to be done"


@pytest.mark.parametrize("compressed", ["yes", "no"])
def test_offlineimap_brings_both_sides_together(
    server: Any, tmp_path: Path, program: Callable[[str], str], compressed: str
) -> None:
    program("offlineimap")
    near, rc = tmp_path / "mail", tmp_path / "offlineimaprc"
    rc.write_text(
        f"[general]\naccounts = a\nmetadata = {tmp_path}/meta\nui = basic\n\n[Account a]\nlocalrepository = l\n"
        f"remoterepository = r\n\n[Repository l]\ntype = Maildir\nlocalfolders = {near}\n\n"
        f"[Repository r]\ntype = IMAP\nremotehost = localhost\nremoteport = {server.ports['imaps']}\nssl = yes\n"
        f"sslcacertfile = {server.authority}\nremoteuser = {server.account}\nremotepass = {server.password}\n"
        f"usecompression = {compressed}\n"
    )
    command = ("offlineimap", "-c", str(rc), "-o")
    _run(*command, env={"HOME": str(tmp_path)})
    assert bodies(_maildir(near / "INBOX")) == sent()
    change_near(near / "INBOX")
    _run(*command, env={"HOME": str(tmp_path)})
    far = Eye(server)
    assert (len(far.messages), far.flagged) == (COUNT, 1)
    change_far(server)
    _run(*command, env={"HOME": str(tmp_path)})
    assert bodies(_maildir(near / "INBOX")) == bodies(Eye(server).messages)


# -- working on the server -------------------------------------------------------------------------------------------


def test_imapfilter_sorts_mail(server: Any, tmp_path: Path, program: Callable[[str], str]) -> None:
    program("imapfilter")
    server.deliver(b"Subject: weekly report\r\n\r\nfigures\r\n", b"Subject: buy now\r\n\r\nspam\r\n")
    rc = tmp_path / "config.lua"
    rc.write_text(
        "options.timeout = 30\noptions.subscribe = true\noptions.create = true\noptions.certificates = false\n"
        f"account = IMAP {{ server = 'localhost', port = {server.ports['imaps']}, username = '{server.account}',\n"
        f"  password = '{server.password}', ssl = 'auto' }}\n"
        "account:create_mailbox('Reports')\n"
        "reports = account.INBOX:contain_subject('weekly') * account.INBOX:is_unseen()\n"
        "reports:copy_messages(account['Reports'])\n"
        "reports:mark_flagged()\n"
        "account.INBOX:contain_body('spam'):delete_messages()\n"
        "account.INBOX:is_smaller(1000000):add_flags({ 'small' })\n"
        "print('exists', account.INBOX:check_status())\n"
    )
    output = _run("imapfilter", "-c", str(rc), "-t", str(server.authority), env={"HOME": str(tmp_path)})
    assert f"exists\t{COUNT + 1}" in output
    assert bodies(Eye(server, "Reports").messages) == [b"figures\n"]
    far = Eye(server)
    assert (far.flagged, len(far.messages)) == (1, COUNT + 1)
    assert all("small" in flags for flags in far.flags)


@pytest.mark.parametrize(("client", "deflate"), [("neomutt", ""), ("mutt", "set imap_deflate=yes\n")])
def test_mutt_and_neomutt_copy_and_delete(
    server: Any, tmp_path: Path, program: Callable[[str], str], client: str, deflate: str
) -> None:
    program(client)
    rc = tmp_path / "muttrc"
    rc.write_text(
        f'set certificate_file="{server.authority}"\nset imap_user="{server.account}"\n'
        f'set imap_pass="{server.password}"\nset confirmappend=no\nset confirmcreate=no\nset delete=yes\nset move=no\n'
        f'set folder="imaps://localhost:{server.ports["imaps"]}/"\nset header_cache={tmp_path}/cache\n{deflate}'
        "set quit=yes\nset ssl_verify_host=yes\nset imap_condstore=yes\nset imap_qresync=yes\n"
    )
    url = f"imaps://localhost:{server.ports['imaps']}/INBOX"
    with Terminal([client, "-n", "-F", str(rc), "-f", url], {"HOME": str(tmp_path)}) as mutt:
        mutt.see("Msgs:" if client == "mutt" else "[")
        mutt.press("T.\r")
        mutt.see("Tag")
        mutt.press(";C")
        mutt.see("Copy tagged")
        mutt.press("\x15=Copies\r")
        server.wait_until(lambda: len(server.mail()) == 2 * COUNT, 20, "copies")
        mutt.press("\x1bt~A\r")  # no tags any more
        mutt.press("1\rF")
        mutt.press("2\rd$")
        server.wait_until(lambda: len(server.mail()) == 2 * COUNT - 1, 20, "the deletion")
        mutt.press("q")
        assert mutt.end() == 0
    assert bodies(Eye(server, "Copies").messages) == sent()
    far = Eye(server)
    assert (len(far.messages), far.flagged) == (COUNT - 1, 1)


def test_s_nail_reads_and_copies(server: Any, tmp_path: Path, program: Callable[[str], str]) -> None:
    program("s-nail")
    user, secret = server.account.replace("@", "%40"), server.password
    out = tmp_path / "mbox"
    script = f"headers *\ncopy * {out}\nflag 2\nexit\n"
    url = f"imaps://{user}:{secret}@localhost:{server.ports['imaps']}/INBOX"
    done = subprocess.run(
        ["s-nail", "-:/", "-Sv15-compat", f"-Stls-ca-file={server.authority}", "-R", "-f", url],
        input=script.encode(), capture_output=True, timeout=60, check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    copied = out.read_bytes()
    for body in sent():
        assert body.split(b"\n")[0] in copied
    assert copied.count(b"\nFrom ") + 1 >= COUNT


def test_curl_uploads_finds_and_changes(server: Any, tmp_path: Path, program: Callable[[str], str]) -> None:
    program("curl")
    url = f"imaps://localhost:{server.ports['imaps']}"
    message = tmp_path / "m.eml"
    message.write_bytes(b"Subject: uploaded\r\n\r\n" + b"line of text\r\n" * 5000)
    _curl(server, f"{url}/INBOX", "-T", str(message))
    found = _curl(server, f"{url}/INBOX?SUBJECT%20uploaded")
    uid = found.split()[-1].decode()
    assert _curl(server, f"{url}/INBOX;UID={uid}") == message.read_bytes()
    assert _curl(server, f"{url}/INBOX;UID={uid};SECTION=HEADER.FIELDS%20(SUBJECT)") == b"Subject: uploaded\r\n\r\n"
    _curl(server, f"{url}/INBOX", "-X", f"UID STORE {uid} +FLAGS (\\Flagged)")
    _curl(server, url, "-X", "CREATE New")
    assert b"New" in _curl(server, url, "-X", 'LIST "" *')
    assert Eye(server).flagged == 1


# -- libraries -------------------------------------------------------------------------------------------------------


def test_imapclient_uses_what_it_knows(server: Any) -> None:
    with IMAPClient("localhost", server.ports["imaps"], ssl_context=trust(server)) as client:
        client.login(server.account, server.password)
        assert client.namespace().personal == (("", "/"),)
        client.id_({"name": "a test"})
        assert client.enable("CONDSTORE") == [b"CONDSTORE"]
        client.create_folder("Größe & mehr")
        client.subscribe_folder("Größe & mehr")
        assert [name for _, _, name in client.list_sub_folders()] == ["Größe & mehr"]
        chosen = client.select_folder("INBOX")
        assert chosen[b"EXISTS"] == COUNT
        uids = client.search()
        assert client.sort("REVERSE ARRIVAL") == sorted(uids, reverse=True)
        assert sorted(_flat(client.thread())) == uids
        details = client.fetch(uids, ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "MODSEQ"])
        assert all(isinstance(each[b"ENVELOPE"], Envelope) for each in details.values())
        whole = client.fetch(uids, ["BODY.PEEK[]"])
        assert bodies([each[b"BODY[]"] for each in whole.values()]) == sent()
        assert all(len(whole[uid][b"BODY[]"]) == details[uid][b"RFC822.SIZE"] for uid in uids)
        client.add_flags(uids[:2], ["\\Flagged", "$Label1"])
        assert client.search(["KEYWORD", "$Label1"]) == uids[:2]
        assert client.search(["SUBJECT", "nothing like it"], "UTF-8") == []
        client.move(uids[:1], "Größe & mehr")
        client.copy(uids[1:2], "Größe & mehr")
        assert client.folder_status("Größe & mehr", ["MESSAGES"])[b"MESSAGES"] == 2
        client.multiappend("Größe & mehr", [b"Subject: 1\r\n\r\n1\r\n", b"Subject: 2\r\n\r\n2\r\n"])
        assert client.folder_status("Größe & mehr", ["MESSAGES"])[b"MESSAGES"] == 4
        client.delete_messages(uids[1])
        client.uid_expunge(uids[1])
        assert client.get_quota_root("INBOX")[0].mailbox == "INBOX"
        client.idle()
        server.deliver(b"Subject: while idling\r\n\r\nx\r\n")
        assert (COUNT - 1, b"EXISTS") in _until(lambda: client.idle_check(timeout=10), (COUNT - 1, b"EXISTS"))
        client.idle_done()
        client.unselect_folder()
        client.rename_folder("Größe & mehr", "Klein")
        client.delete_folder("Klein")


def _flat(threads: Any) -> list[int]:
    return [uid for each in threads for uid in (_flat(each) if isinstance(each, tuple) else [each])]


def _until(heard: Callable[[], list[Any]], wanted: object) -> list[Any]:
    found: list[Any] = []
    while wanted not in found:
        more = heard()
        assert more, f"only {found}"
        found += more
    return found


def test_imap_tools_works_on_a_mailbox(server: Any) -> None:
    with MailBox("localhost", server.ports["imaps"], ssl_context=trust(server)).login(
        server.account, server.password
    ) as box:
        found = list(box.fetch(mark_seen=False))
        originals = [email.message_from_bytes(each) for each in messages(COUNT, seed=13)]
        assert sorted(each.obj["Message-ID"] or "" for each in found) == sorted(
            each["Message-ID"] or "" for each in originals
        )
        assert len(box.uids()) == box.folder.status()["MESSAGES"] == COUNT
        box.folder.create("Архив")
        box.flag(box.uids()[:2], [MailMessageFlags.FLAGGED, "keyword"], True)
        assert len(box.uids(AND(flagged=True, keyword="keyword"))) == 2
        box.move(box.uids(AND(flagged=True)), "Архив")
        assert [each.name for each in box.folder.list()] == ["INBOX", "Архив"]
        assert box.folder.status("Архив")["MESSAGES"] == 2
        box.append(b"Subject: one more\r\n\r\nx\r\n", "Архив", flag_set=[MailMessageFlags.SEEN])
        box.folder.set("Архив")
        box.delete(box.uids(AND(subject="one more")))
        assert len(box.uids()) == 2
        box.folder.set("INBOX")
        with box.idle as idle:
            server.deliver(b"Subject: while idling\r\n\r\nx\r\n")
            assert any(b"EXISTS" in each for each in idle.poll(timeout=10))


def test_aioimaplib_is_told_of_new_mail(server: Any) -> None:
    asyncio.run(_aioimaplib(server))


async def _aioimaplib(server: Any) -> None:
    client = aioimaplib.IMAP4_SSL("localhost", server.ports["imaps"], timeout=30, ssl_context=trust(server))
    await client.wait_hello_from_server()
    assert (await client.login(server.account, server.password)).result == "OK"
    assert (await client.select("INBOX")).result == "OK"
    found = await client.uid_search("ALL")
    uids = found.lines[0].split()
    assert len(uids) == COUNT
    fetched = await client.uid("fetch", b",".join(uids).decode(), "(BODY.PEEK[])")
    assert bodies([bytes(each) for each in fetched.lines if isinstance(each, bytearray)]) == sent()
    idling = await client.idle_start(timeout=20)
    await asyncio.to_thread(server.deliver, b"Subject: while idling\r\n\r\nx\r\n")
    pushed: list[bytes] = []
    while not any(b"EXISTS" in each for each in pushed):
        pushed += await client.wait_server_push(timeout=10)
    client.idle_done()
    await asyncio.wait_for(idling, 10)
    assert (await client.uid("store", uids[0].decode(), "+FLAGS", "(\\Deleted)")).result == "OK"
    assert (await client.expunge()).result == "OK"
    appended = await client.append(b"Subject: x\r\n\r\ny\r\n", "INBOX")
    assert appended.result == "OK", appended.lines
    assert (await client.logout()).result == "OK"
    assert len(Eye(server).messages) == COUNT + 1


def test_twisteds_own_client_works_on_a_mailbox(server: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    script = Path(__file__).with_name("imap_twisted.py")
    _run(sys.executable, str(script), str(server.ports["imap"]), server.account, server.password, str(out))
    assert bodies([path.read_bytes() for path in out.iterdir()]) == sent()
    assert len(Eye(server, "Box 2").messages) == 1
    far = Eye(server)
    assert len(far.messages) == COUNT
    assert "\\Seen" in far.flags[-1]


# -- UTF-8 -----------------------------------------------------------------------------------------------------------


def test_imaplib_speaks_utf8(server: Any) -> None:
    """RFC 9755, with Python's own; its APPEND puts RFC 6855's words into the message and is left alone."""
    with imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=trust(server)) as imap:
        imap.login(server.account, server.password)
        assert imap.enable("UTF8=ACCEPT")[0] == "OK"
        assert imap.create('"Größe & mehr"')[0] == "OK"
        assert imap.list('""', "G*")[1] == ['(\\HasNoChildren) "/" "Größe & mehr"'.encode()]
        assert imap.select("INBOX")[0] == "OK"
        assert imap.copy("1:2", '"Größe & mehr"')[0] == "OK"
        assert imap.select('"Größe & mehr"') == ("OK", [b"2"])
        assert imap.search(None, "NOT", "SUBJECT", '"größer als alles"') == ("OK", [b"1 2"])
        assert imap.status('"Größe & mehr"', "(MESSAGES)")[1] == ['"Größe & mehr" (MESSAGES 2)'.encode()]
    assert "Größe & mehr" in names(server)


def test_imaplib_is_answered_in_imap4rev2(server: Any) -> None:
    """RFC 9051, as far as it hears it."""
    with imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=trust(server)) as imap:
        imap.login(server.account, server.password)
        assert imap.enable("IMAP4rev2")[0] == "OK"
        assert imap.response("ENABLED") == ("ENABLED", [b"IMAP4rev2"])
        assert imap.select("INBOX") == ("OK", [b"%d" % COUNT])
        assert imap.response("LIST")[1] == [b'(\\HasNoChildren) "/" INBOX']
        assert imap.response("RECENT")[1] == [None]
        assert imap.uid("SEARCH", "ALL") == ("OK", [None])
        [found] = imap.response("ESEARCH")[1]
        assert found.endswith(b" UID ALL 1:%d" % COUNT)

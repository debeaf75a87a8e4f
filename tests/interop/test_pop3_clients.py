"""POP3 as programs of other people speak it, beyond fetching: APOP, SCRAM, LANG and UTF8, removal, UIDs that stay."""

from __future__ import annotations

import os
import poplib
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clients import _curl, _maildir, _mbox, _run

from mailsuite.testing.corpus import messages
from mailsuite.testing.instance import Instance, running

COUNT = 6
SECRET = "tanstaaf und so weiter"
GLOBAL = "From: Дима <дима@пример.рф>\r\nTo: x\r\nSubject: Привет\r\n\r\nВсё\r\n".encode()  # noqa: RUF001


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path / "server")
    instance.set("pop3", "apop", "true")
    instance.command("user", "apop-secret", instance.account, "--password-stdin", input=f"{SECRET}\n")
    with running(instance):
        with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=30) as client:
            for message in messages(COUNT, seed=11):
                client.sendmail("someone@demo.test", [instance.account], message, mail_options=["BODY=8BITMIME"])
        instance.wait_until(lambda: len(instance.mail()) == COUNT, 30, "mail")
        yield instance


def connect(server: Instance) -> poplib.POP3:
    return poplib.POP3("localhost", server.ports["pop3"], timeout=30)


def uids(pop: poplib.POP3) -> list[bytes]:
    return [line.split()[1] for line in pop.uidl()[1]]


def bodies(found: list[bytes]) -> list[bytes]:
    return sorted(each.replace(b"\r\n", b"\n").partition(b"\n\n")[2] for each in found)


def sent() -> list[bytes]:
    return bodies(list(messages(COUNT, seed=11)))


# -- poplib --------------------------------------------------------------------------------------------------------


def test_poplib_logs_in_with_apop(server: Instance) -> None:
    pop = connect(server)
    assert pop.apop(server.account, SECRET).startswith(b"+OK")
    assert pop.stat()[0] == COUNT
    pop.quit()
    pop = connect(server)
    with pytest.raises(poplib.error_proto, match="AUTH"):
        pop.apop(server.account, server.password)


def test_uids_are_the_same_over_restarts_rebuilds_flags_and_other_programs(server: Instance) -> None:
    pop = connect(server)
    pop.apop(server.account, SECRET)
    before, sizes = uids(pop), pop.list()[1]
    pop.dele(2)
    pop.quit()
    expected = [uid for number, uid in enumerate(before, 1) if number != 2]
    assert server.stop() == 0
    for index in server.folder.rglob("index.sqlite*"):
        index.unlink()
    for number, path in enumerate(sorted(server.delivered())):  # what mutt does when it reads them
        if number % 2:
            path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")
    server.start()
    pop = connect(server)
    pop.apop(server.account, SECRET)
    assert uids(pop) == expected
    assert [line.split()[1] for line in pop.list()[1]] == [
        line.split()[1] for number, line in enumerate(sizes, 1) if number != 2
    ]
    pop.quit()


def test_an_internationalised_message_comes_downgraded_or_as_it_is(server: Instance) -> None:
    folder = server.folder / "store/demo.test/demo/Maildir/new"
    (folder / "1700000000.M1P1.elsewhere").write_bytes(GLOBAL.replace(b"\r\n", b"\n"))
    forms = []
    for utf8 in (False, True):
        pop = connect(server)
        if utf8:
            pop.utf8()
        pop.apop(server.account, SECRET)
        number = pop.stat()[0]
        found = b"".join(line + b"\r\n" for line in pop.retr(number)[1])
        assert len(found) == int(pop.list(number).split()[2])
        assert len(b"".join(line + b"\r\n" for line in pop.top(number, 0)[1])) < len(found)
        forms.append(found)
        pop.quit()
    downgraded, plain = forms
    assert plain == GLOBAL
    assert downgraded.partition(b"\r\n\r\n")[0].isascii()
    assert downgraded.endswith(GLOBAL.partition(b"\r\n\r\n")[2])


def test_a_person_is_told_in_his_language(server: Instance) -> None:
    pop = connect(server)
    pop.encoding = "utf-8"
    assert pop._shortcmd("LANG de").decode() == "+OK de ich spreche jetzt Deutsch"
    with pytest.raises(poplib.error_proto) as refused:
        pop.apop(server.account, "wrong")
    assert refused.value.args[0].decode() == "-ERR [AUTH] Name oder Passwort ist falsch"


# -- others --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["apop", "user", "plain", "scram-sha-256"])
@pytest.mark.parametrize("pipelining", ["on", "off"])
def test_mpop(server: Instance, tmp_path: Path, program: Callable[[str], str], method: str, pipelining: str) -> None:
    program("mpop")
    target = tmp_path / "mpop"
    for part in ("new", "cur", "tmp"):
        (target / part).mkdir(parents=True)
    rc = tmp_path / "mpoprc"
    rc.write_text(
        f"account a\nhost localhost\nport {server.ports['pop3']}\nuser {server.account}\nauth {method}\n"
        f"password {SECRET if method == 'apop' else server.password}\ntls {'off' if method == 'apop' else 'on'}\n"
        f"tls_starttls on\ntls_trust_file {server.authority}\npipelining {pipelining}\nkeep off\n"
        f"received_header off\nuidls_file {tmp_path}/uidls\ndelivery maildir {target}\n"
    )
    rc.chmod(0o600)
    _run("mpop", "-C", str(rc), "a")
    assert bodies(_maildir(target)) == sent()
    assert server.mail() == []  # they are gone from the disk when mpop was told so


@pytest.mark.parametrize("option", ["+APOP", "PLAIN", "LOGIN"])
def test_curl(server: Instance, program: Callable[[str], str], option: str) -> None:
    program("curl")
    secret = SECRET if option == "+APOP" else server.password
    tls = [] if option == "+APOP" else ["--ssl-reqd", "--cacert", str(server.authority)]
    url = f"pop3://localhost:{server.ports['pop3']}/"
    common = [
        "curl",
        "-sS",
        "--max-time",
        "30",
        *tls,
        "-u",
        f"{server.account}:{secret}",
        "--login-options",
        f"AUTH={option}",
    ]
    listed = subprocess.run([*common, url], capture_output=True, timeout=60, check=True).stdout
    assert len(listed.splitlines()) == COUNT
    found = [
        subprocess.run([*common, f"{url}{number}"], capture_output=True, timeout=60, check=True).stdout
        for number in range(1, COUNT + 1)
    ]
    assert bodies(found) == sent()


def test_curl_speaks_implicit_tls(server: Instance, program: Callable[[str], str]) -> None:
    program("curl")
    capabilities = _curl(server, f"pop3s://localhost:{server.ports['pop3s']}/", "-X", "CAPA").split(b"\r\n")
    assert {b"UTF8 USER", b"LANG", b"PIPELINING", b"EXPIRE NEVER"} <= set(capabilities)


@pytest.mark.parametrize("protocol", ["apop", "pop3"])
def test_fetchmail_fetches_and_removes(
    server: Instance, tmp_path: Path, program: Callable[[str], str], protocol: str
) -> None:
    program("fetchmail")
    rc, out, agent = tmp_path / "fetchmailrc", tmp_path / "mbox", tmp_path / "agent"
    agent.write_text(f"#!/bin/sh\n{{ echo 'From agent now'; cat; }} >> {out}\n")
    agent.chmod(0o755)
    secret = SECRET if protocol == "apop" else server.password
    tls = "sslproto ''" if protocol == "apop" else f"sslproto tls1.2+ sslcertfile {server.authority} sslcertck"
    rc.write_text(
        f'poll localhost service {server.ports["pop3"]} protocol {protocol} uidl user "{server.account}" '
        f'password "{secret}" {tls} nokeep fetchall no rewrite mda "{agent}"\n'
    )
    rc.chmod(0o600)
    home = {"HOME": str(tmp_path), "FETCHMAILHOME": str(tmp_path)}
    _run("fetchmail", "-f", str(rc), "--nodetach", "--nosyslog", env=home)
    assert bodies(_mbox(out)) == sent()
    assert server.mail() == []


def test_getmail_with_apop_removes_what_it_fetched(server: Instance, program: Callable[[str], str]) -> None:
    program("getmail")
    with tempfile.TemporaryDirectory(prefix="mailsuite-getmail-") as folder:  # one that another user can reach
        home = Path(folder)
        target = home / "Maildir"
        for part in ("new", "cur", "tmp"):
            (target / part).mkdir(parents=True)
        (home / "rc").write_text(
            f"[retriever]\ntype = SimplePOP3Retriever\nserver = localhost\nport = {server.ports['pop3']}\n"
            f"username = {server.account}\npassword = {SECRET}\nuse_apop = true\n\n"
            f"[destination]\ntype = Maildir\npath = {target}/\n\n[options]\nread_all = false\ndelete = true\n"
            "delivered_to = false\nreceived = false\n"
        )
        command = ["getmail", f"--getmaildir={home}", f"--rcfile={home}/rc"]
        if os.geteuid() == 0:  # getmail refuses to run as root
            _run("chown", "-R", "nobody", folder)
            command = ["runuser", "-u", "nobody", "--", *command]
        _run(*command, env={"HOME": folder})
        assert bodies(_maildir(target)) == sent()
    assert server.mail() == []


def test_s_nail_reads_and_removes(server: Instance, tmp_path: Path, program: Callable[[str], str]) -> None:
    program("s-nail")
    out = tmp_path / "out"
    account, secret = server.account.replace("@", "%40"), SECRET.replace(" ", "%20")
    url = f"pop3://{account}:{secret}@localhost:{server.ports['pop3']}"
    done = subprocess.run(
        ["s-nail", "-:/", "-Sv15-compat", "-Snosave", "-f", url],
        input=f"copy * {out}\ndelete 1\nquit\n",
        env={**os.environ, "HOME": str(tmp_path), "MAILRC": "/dev/null"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert out.exists(), done.stdout + done.stderr
    assert len(_mbox(out)) == COUNT
    assert len(server.mail()) == COUNT - 1


def test_the_client_of_twisted(server: Instance, tmp_path: Path) -> None:
    folder = tmp_path / "fetched"
    folder.mkdir()
    script = Path(__file__).parent / "pop3_twisted.py"
    output = _run(sys.executable, str(script), str(server.ports["pop3"]), server.account, SECRET, str(folder))
    facts = folder / "facts"
    assert facts.exists(), output
    found = [path.read_bytes() for path in folder.iterdir() if path.name.isdigit()]
    assert bodies(found) == sent()
    assert len(server.mail()) == COUNT - 1

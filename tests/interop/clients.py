"""Real mail clients, driven without a person: each function fetches an INBOX and gives back the messages as octets."""

from __future__ import annotations

import imaplib
import os
import poplib
import re
import shlex
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from terminal import Terminal

from mailsuite.testing.instance import Instance


def _run(*command: str, env: dict[str, str] | None = None, timeout: float = 60) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **(env or {})},
    )
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{shlex.join(command)}: {done.returncode}\n{output}"
    return output


def _maildir(folder: Path) -> list[bytes]:
    return [
        path.read_bytes() for part in ("new", "cur") if (folder / part).is_dir() for path in (folder / part).iterdir()
    ]


def _mbox(file: Path) -> list[bytes]:
    """Split at the From_ lines of the delivery agent (our corpus quotes none)."""
    return [part for part in re.split(rb"(?m)^From \S+ .*\n", file.read_bytes()) if part]


def trust(instance: Instance) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(instance.authority))


def by_imaplib(instance: Instance, _work: Path) -> list[bytes]:
    with imaplib.IMAP4_SSL("localhost", instance.ports["imaps"], ssl_context=trust(instance)) as imap:
        imap.login(instance.account, instance.password)
        imap.select("INBOX", readonly=True)
        _, data = imap.fetch("1:*", "(BODY.PEEK[])")
        return [item[1] for item in data if isinstance(item, tuple)]


def by_imaplib_starttls(instance: Instance, _work: Path) -> list[bytes]:
    with imaplib.IMAP4("localhost", instance.ports["imap"]) as imap:
        imap.starttls(trust(instance))
        imap.login(instance.account, instance.password)
        imap.select("INBOX", readonly=True)
        _, found = imap.uid("SEARCH", "ALL")
        messages = []
        for uid in found[0].split():
            _, data = imap.uid("FETCH", uid.decode(), "(RFC822.SIZE BODY.PEEK[])")
            messages.extend(item[1] for item in data if isinstance(item, tuple))
        return messages


def by_poplib(instance: Instance, _work: Path) -> list[bytes]:
    pop = poplib.POP3_SSL("localhost", instance.ports["pop3s"], context=trust(instance))
    try:
        pop.user(instance.account)
        pop.pass_(instance.password)
        count, total = pop.stat()
        messages = [b"\r\n".join(pop.retr(number)[1]) + b"\r\n" for number in range(1, count + 1)]
        assert sum(map(len, messages)) == total
        return messages
    finally:
        pop.quit()


def by_poplib_stls(instance: Instance, _work: Path) -> list[bytes]:
    pop = poplib.POP3("localhost", instance.ports["pop3"])
    try:
        pop.stls(trust(instance))
        pop.user(instance.account)
        pop.pass_(instance.password)
        return [b"\r\n".join(pop.retr(number)[1]) + b"\r\n" for number in range(1, pop.stat()[0] + 1)]
    finally:
        pop.quit()


def _curl(instance: Instance, *arguments: str) -> bytes:
    login = f"{instance.account}:{instance.password}"
    common = ["-sS", "--max-time", "30", "--cacert", str(instance.authority), "-u", login]
    done = subprocess.run(["curl", *common, *arguments], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def by_curl_imaps(instance: Instance, _work: Path) -> list[bytes]:
    url = f"imaps://localhost:{instance.ports['imaps']}/INBOX"
    uids = _curl(instance, url, "-X", "UID SEARCH ALL").split()[2:]
    return [_curl(instance, f"{url};UID={uid.decode()}") for uid in uids]


def by_curl_pop3s(instance: Instance, _work: Path) -> list[bytes]:
    url = f"pop3s://localhost:{instance.ports['pop3s']}/"
    numbers = [line.split()[0].decode() for line in _curl(instance, url, "-X", "UIDL").splitlines() if line.strip()]
    return [_curl(instance, url + number) for number in numbers]


def by_mbsync(instance: Instance, work: Path) -> list[bytes]:
    rc = work / "mbsyncrc"
    (work / "mail").mkdir()
    rc.write_text(
        f"IMAPAccount a\nHost localhost\nPort {instance.ports['imaps']}\nUser {instance.account}\n"
        f'Pass "{instance.password}"\nSSLType IMAPS\nCertificateFile {instance.authority}\n\n'
        "IMAPStore far\nAccount a\n\n"
        f"MaildirStore near\nPath {work}/mail/\nInbox {work}/mail/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
    )
    _run("mbsync", "-c", str(rc), "-a")
    _run("mbsync", "-c", str(rc), "-a")
    return _maildir(work / "mail" / "INBOX")


def _fetchmail(instance: Instance, work: Path, protocol: str, port: int) -> list[bytes]:
    rc, out = work / f"fetchmailrc-{protocol}", work / f"{protocol}.mbox"
    agent = work / "agent"
    agent.write_text(f"#!/bin/sh\n{{ echo 'From agent now'; cat; }} >> {out}\n")
    agent.chmod(0o755)
    rc.write_text(
        f'poll localhost service {port} protocol {protocol} user "{instance.account}" password "{instance.password}" '
        f'ssl sslcertfile {instance.authority} keep fetchall no rewrite mda "{agent}"\n'
    )
    rc.chmod(0o600)
    _run("fetchmail", "-f", str(rc), "--nodetach", "--nosyslog", env={"HOME": str(work), "FETCHMAILHOME": str(work)})
    return _mbox(out)


def by_fetchmail_pop3(instance: Instance, work: Path) -> list[bytes]:
    return _fetchmail(instance, work, "pop3", instance.ports["pop3s"])


def by_fetchmail_imap(instance: Instance, work: Path) -> list[bytes]:
    return _fetchmail(instance, work, "imap", instance.ports["imaps"])


def _getmail(instance: Instance, retriever: str, port: int) -> list[bytes]:
    with tempfile.TemporaryDirectory(prefix="mailsuite-getmail-") as home:  # one that another user can reach
        return _getmail_at(Path(home), instance, retriever, port)


def _getmail_at(home: Path, instance: Instance, retriever: str, port: int) -> list[bytes]:
    target = home / "Maildir"
    for part in ("new", "cur", "tmp"):
        (target / part).mkdir(parents=True)
    authority = home / "ca.pem"
    authority.write_bytes(instance.authority.read_bytes())
    extra = 'mailboxes = ("INBOX",)\n' if "IMAP" in retriever else ""
    rc = home / "rc"
    rc.write_text(
        f"[retriever]\ntype = {retriever}\nserver = localhost\nport = {port}\nusername = {instance.account}\n"
        f"password = {instance.password}\nca_certs = {authority}\n{extra}\n"
        f"[destination]\ntype = Maildir\npath = {target}/\n\n[options]\nread_all = true\ndelete = false\n"
        "delivered_to = false\nreceived = false\n"
    )
    command = ["getmail", f"--getmaildir={home}", f"--rcfile={rc}"]
    if os.geteuid() == 0:  # getmail refuses to run as root
        _run("chown", "-R", "nobody", str(home))
        command = ["runuser", "-u", "nobody", "--", *command]
    _run(*command, env={"HOME": str(home)})
    return _maildir(target)


def by_getmail_pop3(instance: Instance, _work: Path) -> list[bytes]:
    return _getmail(instance, "SimplePOP3SSLRetriever", instance.ports["pop3s"])


def by_getmail_imap(instance: Instance, _work: Path) -> list[bytes]:
    return _getmail(instance, "SimpleIMAPSSLRetriever", instance.ports["imaps"])


def by_mpop(instance: Instance, work: Path) -> list[bytes]:
    target = work / "mpop"
    for part in ("new", "cur", "tmp"):
        (target / part).mkdir(parents=True)
    rc = work / "mpoprc"
    rc.write_text(
        f"account a\nhost localhost\nport {instance.ports['pop3s']}\nuser {instance.account}\n"
        f"password {instance.password}\ntls on\ntls_starttls off\ntls_trust_file {instance.authority}\n"
        f"keep on\nreceived_header off\nuidls_file {work}/uidls\ndelivery maildir {target}\n"
    )
    rc.chmod(0o600)
    _run("mpop", "-C", str(rc), "a")
    return _maildir(target)


def by_mutt(instance: Instance, work: Path) -> list[bytes]:
    rc, out = work / "muttrc", work / "mutt"
    rc.write_text(
        f'set certificate_file="{instance.authority}"\nset imap_user="{instance.account}"\n'
        f'set imap_pass="{instance.password}"\nset confirmappend=no\nset confirmcreate=no\nset delete=no\n'
        f"set mbox_type=maildir\nset move=no\nset quit=yes\nset folder={work}\n"
    )
    url = f"imaps://localhost:{instance.ports['imaps']}/INBOX"
    with Terminal(["mutt", "-n", "-F", str(rc), "-f", url], {"HOME": str(work)}) as mutt:
        mutt.see("Msgs:")
        mutt.press("T.\r")
        mutt.see("Tag:")
        mutt.press(";C")
        mutt.see("Copy tagged")
        mutt.press(f"\x15{out}\r")
        for _ in range(200):
            if len(_maildir(out)) == len(instance.mail()):
                break
            time.sleep(0.05)
        mutt.press("x")
        assert mutt.end() == 0
    return _maildir(out)


#: client program -> ways to fetch an INBOX with it; "" needs nothing but Python
WAYS = {
    "imaplib": ("", by_imaplib),
    "imaplib-starttls": ("", by_imaplib_starttls),
    "poplib": ("", by_poplib),
    "poplib-stls": ("", by_poplib_stls),
    "curl-imaps": ("curl", by_curl_imaps),
    "curl-pop3s": ("curl", by_curl_pop3s),
    "mbsync": ("mbsync", by_mbsync),
    "fetchmail-pop3": ("fetchmail", by_fetchmail_pop3),
    "fetchmail-imap": ("fetchmail", by_fetchmail_imap),
    "getmail-pop3": ("getmail", by_getmail_pop3),
    "getmail-imap": ("getmail", by_getmail_imap),
    "mpop": ("mpop", by_mpop),
    "mutt": ("mutt", by_mutt),
}

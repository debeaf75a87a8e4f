"""Real programs that give mail to a server, driven without a person: each function sends one message to the account.

``EXACT`` are those that send a message as it is given; ``COMPOSED`` write a header of their own around a body.
"""

from __future__ import annotations

import os
import shlex
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from mailsuite.testing.instance import STANDARD, Instance

#: ``(instance, work, message)``: ``message`` with CRLF line ends; ``work`` is an empty folder.
Send: TypeAlias = Callable[[Instance, Path, bytes], None]


class Way(msgspec.Struct, frozen=True):
    """``program`` must be installed, "" for Python alone; ``login``: "" without one; ``tls`` as Received tells it."""

    program: str
    send: Send
    login: bool = False
    tls: bool = False
    lmtp: bool = False
    #: The client's address, as Received tells it; none for a Unix socket.
    address: str = "127.0.0.1"


def run(*command: str, given: bytes = b"", env: dict[str, str] | None = None, timeout: float = 30) -> str:
    """Run it; its output.  Fails with that output if the program does."""
    done = subprocess.run(
        command, input=given, capture_output=True, timeout=timeout, check=False, env={**os.environ, **(env or {})}
    )
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{shlex.join(command)}: {done.returncode}\n{output}"
    return output


def as_lf(message: bytes) -> bytes:
    return message.replace(b"\r\n", b"\n")


def listener(instance: Instance, name: str, **options: str) -> None:
    """One more: ``options`` are TOML values; without an address it gets a port of its own, as ``ports[name]``."""
    if "address" not in options:
        instance.ports[name] = instance.ports["smtp"] - 1 - len(set(instance.ports) - set(STANDARD))
        options |= {"address": '"127.0.0.1"', "port": str(instance.ports[name])}
    lines = "".join(f"{key} = {value}\n" for key, value in options.items())
    instance.edit(lambda before: f"{before}\n[[listener]]\n{lines}")


def lmtp_socket(instance: Instance) -> Path:
    return instance.folder / "lmtp"


def all_listeners(instance: Instance) -> None:
    """Those that the ways below need."""
    listener(instance, "lmtp", service='"lmtp"', tls='"starttls"')
    listener(instance, "", service='"lmtp"', address=f'"unix:{lmtp_socket(instance)}"')
    listener(instance, "filtered", service='"smtp"', tls='"starttls"', xclient_from='["127.0.0.1"]')
    listener(instance, "proxied", service='"smtp"', tls='"starttls"', proxy_from='["127.0.0.1"]')


# -- swaks -----------------------------------------------------------------------------------------------------------


def swaks(port: str, *options: str, login: bool = False, tls: bool = False) -> Send:
    def send(instance: Instance, work: Path, message: bytes) -> None:
        file = work / "message"
        # Left to itself, it changes the end of a message.
        file.write_bytes(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        where = ["--server", f"127.0.0.1:{instance.ports[port]}"] if port else ["--socket", str(lmtp_socket(instance))]
        command = ["swaks", *where, "--data", f"@{file}", "--no-data-fixup"]
        command += ["--from", "someone@far.test", "--to", instance.account, "--helo", "swaks.test", "--timeout", "20"]
        if login:
            command += ["--auth-user", instance.account, "--auth-password", instance.password]
        if tls:
            command += ["--tls-verify", "--tls-ca-path", str(instance.authority), "--tls-sni", "localhost"]
        run(*command, *options)

    return send


XCLIENT = ("--xclient-addr", "203.0.113.8", "--xclient-name", "client.far.test", "--xclient-helo", "client.far.test")
PROXY_1 = (
    "--proxy-version", "1", "--proxy-family", "TCP4", "--proxy-source", "203.0.113.9", "--proxy-source-port", "4321",
    "--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25",
)  # fmt: skip
PROXY_2 = (
    "--proxy-version", "2", "--proxy-family", "AF_INET6", "--proxy-source", "2001:db8::9", "--proxy-source-port",
    "4321", "--proxy-dest", "2001:db8::1", "--proxy-dest-port", "25", "--proxy-command", "PROXY",
    "--proxy-protocol", "STREAM",
)  # fmt: skip


# -- msmtp, curl -----------------------------------------------------------------------------------------------------


def msmtp(port: str, tls: str, auth: str) -> Send:
    def send(instance: Instance, work: Path, message: bytes) -> None:
        rc = work / "msmtprc"
        rc.write_text(
            f"account a\nhost localhost\nport {instance.ports[port]}\nfrom someone@far.test\ndomain msmtp.test\n"
            f"tls {'off' if tls == 'off' else 'on'}\ntls_starttls {'on' if tls == 'starttls' else 'off'}\n"
            f"tls_trust_file {instance.authority}\nauth {auth}\nuser {instance.account}\n"
            f"password {instance.password}\nset_from_header off\nset_date_header off\n"
        )
        rc.chmod(0o600)
        run("msmtp", "-C", str(rc), "-a", "a", instance.account, given=as_lf(message))

    return send


def curl(scheme: str, port: str, *options: str, login: bool = False) -> Send:
    def send(instance: Instance, work: Path, message: bytes) -> None:
        file = work / "message"
        file.write_bytes(message)
        command = ["curl", "-sS", "--max-time", "20", "--cacert", str(instance.authority), *options]
        command += ["--url", f"{scheme}://localhost:{instance.ports[port]}/curl.test", "-T", str(file)]
        command += ["--mail-from", "someone@far.test", "--mail-rcpt", instance.account]
        if login:
            command += ["-u", f"{instance.account}:{instance.password}"]
        run(*command)

    return send


# -- Python ----------------------------------------------------------------------------------------------------------


def trust(instance: Instance) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(instance.authority))


def by_smtplib(instance: Instance, _work: Path, message: bytes) -> None:
    with smtplib.SMTP("localhost", instance.ports["smtp"], timeout=20) as client:
        client.sendmail("someone@far.test", [instance.account], message, mail_options=["BODY=8BITMIME"])


def smtplib_login(method: str) -> Send:
    def send(instance: Instance, _work: Path, message: bytes) -> None:
        with smtplib.SMTP("localhost", instance.ports["submission"], timeout=20) as client:
            client.starttls(context=trust(instance))
            client.ehlo()
            client.user, client.password = instance.account, instance.password
            client.auth(method.upper(), getattr(client, f"auth_{method}"))
            client.sendmail("someone@far.test", [instance.account], message, mail_options=["BODY=8BITMIME"])

    return send


def by_smtplib_ssl(instance: Instance, _work: Path, message: bytes) -> None:
    port = instance.ports["submissions"]
    with smtplib.SMTP_SSL("localhost", port, timeout=20, context=trust(instance)) as client:
        client.login(instance.account, instance.password)
        client.sendmail("someone@far.test", [instance.account], message, mail_options=["BODY=8BITMIME"])


def by_smtplib_lmtp(instance: Instance, _work: Path, message: bytes) -> None:
    with smtplib.LMTP("localhost", instance.ports["lmtp"]) as client:
        client.sendmail("someone@far.test", [instance.account], message, mail_options=["BODY=8BITMIME"])


_ESMTP_SENDER = """
import sys
from io import BytesIO
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred
from twisted.mail.smtp import ESMTPSenderFactory

user, password, port, authority = (word.encode() for word in sys.argv[1:])
context = ssl.optionsForClientTLS("localhost", ssl.trustRootFromCertificates(
    [ssl.Certificate.loadPEM(open(authority).read())]))
done, failed = Deferred(), []
done.addErrback(failed.append).addBoth(lambda _: reactor.stop())
file = BytesIO(sys.stdin.buffer.read().replace(b"\\r\\n", b"\\n"))
factory = ESMTPSenderFactory(user, password, "someone@far.test", user.decode(), file, done, retries=0,
                             contextFactory=context, requireAuthentication=True, hostname="localhost")
reactor.connectTCP("localhost", int(port), factory)
reactor.run()
if failed:
    sys.exit(str(failed[0]))
"""


def by_esmtp_sender(instance: Instance, _work: Path, message: bytes) -> None:
    """twisted.mail, in a process of its own for its reactor."""
    port, authority = str(instance.ports["submission"]), str(instance.authority)
    command = (sys.executable, "-c", _ESMTP_SENDER, instance.account, instance.password, port, authority)
    run(*command, given=message)


EXACT = {
    "swaks": Way("swaks", swaks("smtp")),
    "swaks-tls": Way("swaks", swaks("smtp", "--tls", tls=True), tls=True),
    "swaks-pipeline": Way("swaks", swaks("smtp", "--pipeline")),
    "swaks-plain": Way("swaks", swaks("submission", "--tls", "--auth", "PLAIN", login=True, tls=True), True, True),
    "swaks-login": Way("swaks", swaks("submissions", "-tlsc", "--auth", "LOGIN", login=True, tls=True), True, True),
    "swaks-lmtp": Way("swaks", swaks("lmtp", "--protocol", "LMTP"), lmtp=True),
    "swaks-lmtp-socket": Way("swaks", swaks("", "--protocol", "LMTP"), lmtp=True, address=""),
    "swaks-proxy-1": Way("swaks", swaks("proxied", *PROXY_1), address="203.0.113.9"),
    "swaks-proxy-1-tls": Way("swaks", swaks("proxied", "--tls", *PROXY_1, tls=True), tls=True, address="203.0.113.9"),
    "swaks-proxy-2": Way("swaks", swaks("proxied", *PROXY_2), address="2001:db8::9"),
    "swaks-xclient": Way("swaks", swaks("filtered", *XCLIENT), address="203.0.113.8"),
    "msmtp": Way("msmtp", msmtp("smtp", "off", "off")),
    "msmtp-plain": Way("msmtp", msmtp("submission", "starttls", "plain"), True, True),
    "msmtp-login": Way("msmtp", msmtp("submissions", "implicit", "login"), True, True),
    "msmtp-scram": Way("msmtp", msmtp("submission", "starttls", "scram-sha-256"), True, True),
    "curl": Way("curl", curl("smtp", "smtp")),
    "curl-starttls": Way("curl", curl("smtp", "submission", "--ssl-reqd", login=True), True, True),
    "curl-smtps": Way("curl", curl("smtps", "submissions", "--login-options", "AUTH=LOGIN", login=True), True, True),
    "smtplib": Way("", by_smtplib),
    "smtplib-plain": Way("", smtplib_login("plain"), True, True),
    "smtplib-login": Way("", smtplib_login("login"), True, True),
    "smtplib-ssl": Way("", by_smtplib_ssl, True, True),
    "smtplib-lmtp": Way("", by_smtplib_lmtp, lmtp=True),
    "twisted.mail": Way("", by_esmtp_sender, True, True),
}


# -- programs that compose -------------------------------------------------------------------------------------------


def mutt(authenticator: str) -> Send:
    """With GNU SASL it takes SCRAM-SHA-256-PLUS where that is offered, and then has no channel binding: what it shall
    use must be said."""

    def send(instance: Instance, work: Path, message: bytes) -> None:
        rc = work / "muttrc"
        port = instance.ports["submission"]
        rc.write_text(
            f'set certificate_file="{instance.authority}"\nset smtp_url="smtp://{instance.account}@localhost:{port}/"\n'
            f'set smtp_pass="{instance.password}"\nset smtp_authenticators="{authenticator}"\nset ssl_force_tls=yes\n'
            'set from="someone@far.test"\nset copy=no\nset allow_8bit=yes\nset charset=utf-8\n'
            "set send_charset=utf-8\nset text_flowed=no\n"
        )
        body = as_lf(message).partition(b"\n\n")[2]
        run("mutt", "-n", "-F", str(rc), "-s", "hello", instance.account, given=body, env={"HOME": str(work)})

    return send


def s_nail(scheme: str, port: str, auth: str) -> Send:
    def send(instance: Instance, work: Path, message: bytes) -> None:
        user, _, domain = instance.account.partition("@")
        login = f"{user}%40{domain}:{instance.password}@"
        settings = ["v15-compat", f"mta={scheme}://{login}localhost:{instance.ports[port]}", f"smtp-auth={auth}"]
        settings += [f"tls-ca-file={instance.authority}", "tls-verify=strict", "mime-encoding=8bit"]
        settings += ["smtp-use-starttls"] if scheme == "smtp" else []
        settings += ["ttycharset=utf-8", "sendcharsets=utf-8", "from=someone@far.test", "sendwait"]
        options = [word for setting in settings for word in ("-S", setting)]
        body = as_lf(message).partition(b"\n\n")[2]
        command = ["s-nail", "-:/", *options, "-s", "hello", instance.account]
        run(*command, given=body, env={"HOME": str(work), "LC_ALL": "C.UTF-8", "MAILRC": "/dev/null"})

    return send


COMPOSED = {
    "mutt-plain": Way("mutt", mutt("plain"), True, True),
    "mutt-scram": Way("mutt", mutt("scram-sha-256"), True, True),
    "s-nail-plain": Way("s-nail", s_nail("smtp", "submission", "plain"), True, True),
    "s-nail-login": Way("s-nail", s_nail("smtps", "submissions", "login"), True, True),
}

"""What the client writes: command lines, with the parameters that the server offers to understand."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping

from mailsuite.model import Recipient
from mailsuite.smtp.client_events import Login, Transaction
from mailsuite.smtp.client_fit import says_utf8, written
from mailsuite.smtp.esmtp.xtext import encode_xtext
from mailsuite.smtp.reply import Reply

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def parse_extensions(reply: Reply) -> dict[str, str]:
    """Keywords in capitals and their parameters from the answer to EHLO, RFC 5321 §4.1.1.1.

    The first line is the greeting.  ``AUTH=PLAIN`` is what servers said before RFC 2554."""
    extensions: dict[str, str] = {}
    for line in reply.lines[1:]:
        found = _KEYWORD.match(line)
        if found is not None:
            extensions.setdefault(found[0].upper(), line[found.end() :].lstrip(" =").strip())
    return extensions


def mail_line(transaction: Transaction, extensions: Mapping[str, str]) -> bytes:
    """MAIL FROM."""
    parameters = ""
    if "SIZE" in extensions:
        parameters += f" SIZE={transaction.size}"
    if transaction.eight_bit:
        parameters += " BODY=8BITMIME"
    if says_utf8(transaction, extensions):
        parameters += " SMTPUTF8"
    if "DSN" in extensions:  # RFC 3461 §5.2.1 (a), (b)
        parameters += f" RET={transaction.ret}" if transaction.ret else ""
        parameters += f" ENVID={encode_xtext(transaction.envid)}" if transaction.envid else ""
    if transaction.require_tls and "REQUIRETLS" in extensions:
        parameters += " REQUIRETLS"
    if transaction.priority and "MT-PRIORITY" in extensions:  # RFC 6710 §5
        parameters += f" MT-PRIORITY={transaction.priority}"
    if transaction.by is not None and "DELIVERBY" in extensions:
        parameters += f" BY={transaction.by}"
    return f"MAIL FROM:<{written(transaction.sender, extensions)}>{parameters}\r\n".encode()


def rcpt_line(recipient: Recipient, extensions: Mapping[str, str]) -> bytes:
    """RCPT TO."""
    parameters = ""
    if "DSN" in extensions:  # RFC 3461 §5.2.1 (c), (d)
        parameters += f" NOTIFY={','.join(sorted(recipient.notify))}" if recipient.notify else ""
        parameters += f" ORCPT={_orcpt(recipient.original, extensions)}" if recipient.original else ""
    return f"RCPT TO:<{written(recipient.address, extensions)}>{parameters}\r\n".encode()


def _orcpt(original: str, extensions: Mapping[str, str]) -> str:
    """RFC 3461 §4.2; a utf-8 one was kept as it came, RFC 6533 §3."""
    kind, _, address = original.partition(";")
    if kind.lower() != "utf-8":
        return f"{kind};{encode_xtext(address)}"
    if "SMTPUTF8" in extensions:
        return original
    return kind + ";" + _NOT_ASCII.sub(lambda found: f"\\x{{{ord(found[0]):X}}}", address)


def auth_lines(login: Login, mechanisms: str) -> list[bytes]:
    """The lines to send one a turn, RFC 4954 §4; none if the server offers neither PLAIN nor LOGIN."""
    offered = mechanisms.upper().split()
    if "PLAIN" in offered:  # RFC 4616
        return [b"AUTH PLAIN " + _base64(f"\0{login.user}\0{login.password}")]
    if "LOGIN" in offered:
        return [b"AUTH LOGIN\r\n", _base64(login.user), _base64(login.password)]
    return []


def _base64(text: str) -> bytes:
    return b2a_base64(text.encode(), newline=False) + b"\r\n"

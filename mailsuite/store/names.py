"""Mailbox and account names, and the folders they live in.

A mailbox name is Unicode with ``/`` between levels; its Maildir++ folder is ``.A.B`` in modified UTF-7, as Dovecot 2.3
and Courier write it.  What would be misread there -- a dot, a backslash, a leading ``~`` -- is escaped ``\\2e`` like
Dovecot's listescape does.  Every accepted name makes the way there and back; a folder nobody could have asked for by
name is not listed.  Account folders use an alphabet of our own, so no account name reaches outside the store.
"""

from __future__ import annotations

import binascii
import contextlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache
from urllib.parse import unquote

from mailsuite.errors import InvalidName, TooMany
from mailsuite.model import DELIMITER, INBOX

#: Bounds of a mailbox name: octets of its folder's name, and levels.
MAX_FOLDER = 255
MAX_LEVELS = 20
#: Mailboxes of an account, and names that it subscribes to.
MAX_MAILBOXES = 5000
MAX_SUBSCRIBED = 10_000
#: Octets of each half of an account's path.
MAX_ACCOUNT_PART = 200

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_ESCAPED = re.compile(r"\\([0-9a-f]{2})")
_TO_ESCAPE = re.compile(r"[.\\]|^~")
_PLAIN_IN_PATH = re.compile(rb"[^a-z0-9_+=-]")


@lru_cache(maxsize=4096)  # every message that arrives asks, mostly for INBOX
def checked_name(name: str) -> str:
    """The one spelling of a mailbox name; ``InvalidName`` if it cannot be one.  INBOX is the same in any case, as the
    first level too."""
    levels = name.split(DELIMITER)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    for level in levels:
        _check_level(level)
    if len(levels) > MAX_LEVELS:
        raise InvalidName(f"a mailbox name has at most {MAX_LEVELS} levels")
    if len(_folder(levels)) > MAX_FOLDER:
        raise InvalidName("the mailbox name is too long")
    return DELIMITER.join(levels)


def _check_level(level: str) -> None:
    if not level:
        raise InvalidName("a mailbox name has no empty level")
    if level in (".", ".."):
        raise InvalidName("a mailbox name has no level named . or ..")
    if any(unicodedata.category(char) in ("Cc", "Cs") or char in "\u2028\u2029" for char in level):
        raise InvalidName("a mailbox name has no control characters")


def missing(there: Collection[str], names: Iterable[str]) -> list[str]:
    """Those of the names that are not there and may be made.  TooMany."""
    wanted = [name for name in names if name not in there]
    if wanted and len(there) + len(wanted) > MAX_MAILBOXES:
        raise TooMany(f"an account has at most {MAX_MAILBOXES} mailboxes")
    return wanted


def with_subscription(names: AbstractSet[str], name: str, wanted: bool) -> set[str]:
    """The names that are subscribed to, with or without this one.  TooMany."""
    if not wanted:
        return set(names) - {name}
    if name not in names and len(names) >= MAX_SUBSCRIBED:
        raise TooMany(f"an account subscribes to at most {MAX_SUBSCRIBED} names")
    return {*names, name}


def parents(name: str) -> list[str]:
    """The names above it, outermost first."""
    levels = name.split(DELIMITER)
    return [DELIMITER.join(levels[:count]) for count in range(1, len(levels))]


@lru_cache(maxsize=4096)
def to_folder(name: str) -> str:
    """The folder of a checked name: ``""`` for INBOX itself, else ``.A.B``."""
    return "" if name == INBOX else _folder(name.split(DELIMITER))


def _folder(levels: list[str]) -> str:
    return "".join("." + _TO_ESCAPE.sub(_escape, encode(level)) for level in levels)


def _escape(char: re.Match[str]) -> str:
    return f"\\{ord(char.group()):02x}"


@lru_cache(maxsize=4096)
def from_folder(folder: str) -> str:
    """The name of a folder; ``InvalidName`` if no name leads there."""
    if not folder:
        return INBOX
    if not folder.startswith("."):
        raise InvalidName(f"not a Maildir++ folder: {folder!r}")
    levels = [decode(_ESCAPED.sub(_unescape, level)) for level in folder[1:].split(".")]
    name = checked_name(DELIMITER.join(levels))
    if to_folder(name) != folder:
        raise InvalidName(f"no mailbox name leads to {folder!r}")
    return name


def _unescape(code: re.Match[str]) -> str:
    return chr(int(code.group(1), 16))


# -- modified UTF-7, RFC 3501 §5.1.3 -------------------------------------------------------------------------------


def encode(name: str) -> str:
    """Unicode to modified UTF-7."""
    return _UNPRINTABLE.sub(_shift, name.replace("&", "&-"))


def _shift(run: re.Match[str]) -> str:
    base64 = binascii.b2a_base64(run.group().encode("utf-16-be", "surrogatepass"), newline=False)
    return "&" + base64.rstrip(b"=").replace(b"/", b",").decode() + "-"


def decode(text: str) -> str:
    """Modified UTF-7 to Unicode; ``InvalidName`` if it is not in the one right form."""
    try:
        name = _SHIFTED.sub(_unshift, text)
    except ValueError:
        raise InvalidName(f"not modified UTF-7: {text!r}") from None
    if encode(name) != text:
        raise InvalidName(f"not modified UTF-7: {text!r}")
    return name


def _unshift(run: re.Match[str]) -> str:
    base64 = run.group(1).replace(",", "/")
    if not base64:
        return "&"
    return binascii.a2b_base64(base64 + "=" * (-len(base64) % 4)).decode("utf-16-be")


# -- accounts ------------------------------------------------------------------------------------------------------


def account_path(account: str) -> str:
    """``user@domain`` -> ``domain/user`` in letters, digits and ``_+=-.``; everything else is ``%XX``."""
    local, at, domain = account.rpartition("@")
    if not (local and at and domain):
        raise InvalidName(f"not an account name: {account!r}")
    parts = [_path_part(domain), _path_part(local)]
    if max(map(len, parts)) > MAX_ACCOUNT_PART:
        raise InvalidName("the account name is too long")
    return "/".join(parts)


def accounts_in(root: str) -> list[str]:
    """The accounts that have a Maildir in the store ``root``, sorted.  Blocking."""
    with contextlib.suppress(FileNotFoundError):
        found = [
            f"{unquote(local)}@{unquote(domain)}"
            for domain in os.listdir(root)
            if os.path.isdir(os.path.join(root, domain))
            for local in os.listdir(os.path.join(root, domain))
            if os.path.isdir(os.path.join(root, domain, local, "Maildir"))
        ]
        return sorted(found)
    return []


def _path_part(text: str) -> str:
    atoms = text.encode("utf-8", "surrogatepass").split(b".")
    coded = [_PLAIN_IN_PATH.sub(lambda octet: b"%%%02X" % octet.group()[0], atom) for atom in atoms]
    joined = b".".join(coded).decode("ascii")
    return "%2E" + joined[1:] if joined.startswith(".") else joined

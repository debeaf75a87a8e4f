"""What is stored for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677): keys from which nobody logs in without the password.

They are made from the password when it is set, beside its argon2id hash; PBKDF2 resists guessing less than argon2id
does, so an account may keep none.  The text form is that of PostgreSQL and RFC 5803:
``SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>``, base64.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode

from mailsuite.errors import Corrupt
from mailsuite.model import Account, ScramKeys

#: PBKDF2 rounds (RFC 7677 §4: at least 4,096); Cyrus SASL's client takes no more than 65,536.  The same for everybody:
#: an account with another count could be told from one that does not exist.
ITERATIONS = 32_768
_SALT = 16
NOBODY = Account("")
_KEY = r"([A-Za-z0-9+/]{43}=)"
_TEXT = re.compile(rf"SCRAM-SHA-256\$(\d{{4,6}}):([A-Za-z0-9+/]{{22}}==)\${_KEY}:{_KEY}")


def make_keys(password: str) -> str:
    """The text to store for a prepared password, with a new salt.  Blocking (some 20 ms)."""
    keys = keys_of(NOBODY, password, secrets.token_bytes(_SALT), ITERATIONS)
    salt, stored_key, server_key = (
        b64encode(value).decode() for value in (keys.salt, keys.stored_key, keys.server_key)
    )
    return f"SCRAM-SHA-256${ITERATIONS}:{salt}${stored_key}:{server_key}"


def keys_of(account: Account, password: str, salt: bytes, iterations: int) -> ScramKeys:
    """The keys of a prepared password (RFC 5802 §3).  Blocking."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8", "surrogatepass"), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hashlib.sha256)
    server_key = hmac.digest(salted, b"Server Key", hashlib.sha256)
    return ScramKeys(account, iterations, salt, hashlib.sha256(client_key).digest(), server_key)


def parse_keys(stored: str, account: Account) -> ScramKeys:
    """What ``make_keys`` made.  Raises Corrupt for anything else."""
    found = _TEXT.fullmatch(stored)
    if found is None:
        raise Corrupt(f"the SCRAM keys of {account.name} are damaged; set its password again")
    return ScramKeys(account, int(found[1]), *(b64decode(text) for text in found.groups()[1:]))


def fake_keys(secret: bytes, name: str) -> ScramKeys:
    """For who is not here or has no keys: the same salt for a name each time it is asked, as long as ``secret`` is the
    same, and keys that no password fits (RFC 5802 §9 on telling users apart)."""

    def derived(what: str, length: int) -> bytes:
        return hmac.digest(secret, f"{what}\0{name}".encode("utf-8", "surrogatepass"), hashlib.sha256)[:length]

    return ScramKeys(NOBODY, ITERATIONS, derived("salt", _SALT), secrets.token_bytes(32), secrets.token_bytes(32))

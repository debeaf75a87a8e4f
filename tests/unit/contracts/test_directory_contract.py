"""What every IDirectory does: the double in memory and the directory in SQLite."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.records import Records
from mailsuite.directory.scram import NOBODY, keys_of
from mailsuite.directory.sqlite import DirectorySettings, SQLiteDirectory
from mailsuite.errors import BadCredentials, NotAllowed, NotFound
from mailsuite.interfaces import IDirectory
from mailsuite.model import Address, Forward, Local, Remote, Resolution, Unknown
from mailsuite.offload import Inline
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.results import failure_of, result_of

PASSWORD = "correct horse"
HOSTNAME = "mail.a.test"
ALIASES: dict[str, Sequence[str]] = {
    "sales@a.test": ("alice@a.test", "bob@b.test", "partner@elsewhere.test"),
    "all@a.test": ("sales@a.test", "carol@a.test", "partner@elsewhere.test"),
    "alice@b.test": ("alice@a.test",),
    "carol@a.test": ("carol@a.test", "archive@elsewhere.test"),
    "ping@a.test": ("pong@a.test",),
    "pong@a.test": ("ping@a.test",),
    "list+owner@a.test": ("bob@b.test",),
    "list@a.test": ("alice@a.test",),
    "@b.test": ("bob@b.test",),
    "host@b.test": ("postmaster@mail.a.test",),
}
ACCOUNTS = ("alice@a.test", "carol@a.test", "bob@b.test", "dave@c.test", "eve@c.test")
#: RFC 1939 §7's example is alice's.
APOP = {"alice@a.test": "tanstaaf", "eve@c.test": "tanstaaf"}
TIMESTAMP, DIGEST = "<1896.697170952@dbc.mtview.ca.us>", "c4c9334bac560ecc979e58001b3e22fb"


def in_memory(tmp_path: Path) -> IDirectory:
    made = MemoryDirectory(("a.test", "b.test", "c.test"), dict.fromkeys(ACCOUNTS, PASSWORD), ALIASES, HOSTNAME)
    made.apop_secrets.update(APOP)
    made.without_scram.add("bob@b.test")
    made.disabled.add("eve@c.test")
    return made


def in_sqlite(tmp_path: Path) -> IDirectory:
    path = str(tmp_path / "directory.sqlite")
    create(path)
    database = Database(path)
    records = Records(database, Lookups(database))
    for domain in ("a.test", "b.test", "c.test"):
        records.add_domain(domain)
    for account in ACCOUNTS:
        records.add_account(account, PASSWORD, keep_scram=account != "bob@b.test")
    for account, secret in APOP.items():
        records.set_apop_secret(account, secret)
    records.disable("eve@c.test", True)
    with database.change():  # written past the checks: a loop of aliases may come about in many ways
        for source, targets in ALIASES.items():
            records._write_alias(source, targets, 0)
    database.close()
    return SQLiteDirectory(path, Inline(), Clock(), DirectorySettings(hostname=HOSTNAME))


@pytest.fixture(scope="module", params=[in_memory, in_sqlite])
def directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> IDirectory:
    make: Callable[[Path], IDirectory] = request.param
    return make(tmp_path_factory.mktemp("directory"))


def test_keeps_the_interface(directory: IDirectory) -> None:
    verifyObject(IDirectory, directory)


def both(*accounts: Local) -> Forward:
    return Forward(accounts, ())


ALICE, BOB, CAROL = Local("alice@a.test"), Local("bob@b.test"), Local("carol@a.test")
PARTNER, ARCHIVE = Address("partner", "elsewhere.test"), Address("archive", "elsewhere.test")

CASES: dict[str, Resolution] = {
    "alice@a.test": ALICE,
    "Alice@a.test": ALICE,
    "ALICE@a.test": ALICE,
    "alice+Lists@a.test": Local("alice@a.test", "Lists"),
    "alice+a+b@a.test": Local("alice@a.test", "a+b"),
    "alice+@a.test": ALICE,
    "nobody@a.test": Unknown(),
    "nobody+x@a.test": Unknown(),
    "+alice@a.test": Unknown(),
    "bob@a.test": Unknown(),
    "dave@c.test": Local("dave@c.test"),
    "alice@elsewhere.test": Remote(),
    "postmaster@elsewhere.test": Remote(),
    # aliases: several targets, through others, each end once, loops cut
    "sales@a.test": Forward((ALICE, BOB), (PARTNER,)),
    "SALES@a.test": Forward((ALICE, BOB), (PARTNER,)),
    "all@a.test": Forward((ALICE, BOB, CAROL), (PARTNER, ARCHIVE)),
    "carol@a.test": Forward((CAROL,), (ARCHIVE,)),
    "ping@a.test": Unknown(),
    # the detail goes with the mail; an alias of the whole name comes first
    "list+x@a.test": both(Local("alice@a.test", "x")),
    "list+owner@a.test": both(BOB),
    # the catch-all, and what it does not catch
    "anything@b.test": both(BOB),
    "bob@b.test": BOB,
    "alice@b.test": both(ALICE),
    # RFC 5321 section 4.5.1
    "postmaster@a.test": both(ALICE),
    "Postmaster@a.test": both(ALICE),
    "postmaster@b.test": both(BOB),
    "postmaster@c.test": both(Local("dave@c.test")),
    "postmaster@mail.a.test": both(ALICE),
    "Postmaster+x@mail.a.test": both(ALICE),
    "host@b.test": both(ALICE),
    "nobody@mail.a.test": Remote(),
    "alice@mail.a.test": Remote(),
}


@pytest.mark.parametrize("text", CASES)
def test_address_resolves(directory: IDirectory, text: str) -> None:
    local, _, domain = text.rpartition("@")
    assert result_of(directory.resolve(Address(local, domain))) == CASES[text]


def test_postmaster_without_a_domain_is_the_first_domains(directory: IDirectory) -> None:
    assert result_of(directory.resolve(Address("postmaster", ""))) == both(ALICE)


@pytest.mark.parametrize("login", ["alice@a.test", "Alice@a.test", "alice", "bob@b.test"])
def test_right_password_opens_the_account(directory: IDirectory, login: str) -> None:
    for _ in range(2):
        assert result_of(directory.authenticate(login, PASSWORD)).name in ("alice@a.test", "bob@b.test")


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("alice@a.test", "wrong"),
        ("alice@a.test", ""),
        ("alice@a.test", PASSWORD + " "),
        ("nobody@a.test", PASSWORD),
        ("sales@a.test", PASSWORD),
        ("bob", PASSWORD),
        ("alice@elsewhere.test", PASSWORD),
        ("eve@c.test", PASSWORD),  # disabled
        ("", PASSWORD),
        ("@", PASSWORD),
        ("alice@", PASSWORD),
    ],
)
def test_anything_else_is_refused_in_the_same_words(directory: IDirectory, login: str, password: str) -> None:
    error = failure_of(directory.authenticate(login, password), BadCredentials)
    assert str(error) == "the login name or the password is wrong"


def test_account_is_found_by_its_canonical_name(directory: IDirectory) -> None:
    found = result_of(directory.account("alice@a.test"))
    assert found == result_of(directory.authenticate("alice", PASSWORD))
    assert (found.name, found.quota_bytes, found.quota_messages) == ("alice@a.test", 0, 0)
    failure_of(directory.account("nobody@a.test"), NotFound)


def test_disabled_account_gets_mail_and_lets_nobody_in(directory: IDirectory) -> None:
    assert result_of(directory.resolve(Address("eve", "c.test"))) == Local("eve@c.test")
    failure_of(directory.account("eve@c.test"), NotAllowed)
    failure_of(directory.find("eve@c.test"), NotFound)


@pytest.mark.parametrize("login", ["alice@a.test", "Alice@A.test", "alice", "\uff21lice"])
def test_login_name_is_found_however_it_is_written(directory: IDirectory, login: str) -> None:
    assert result_of(directory.find(login)).name == "alice@a.test"


@pytest.mark.parametrize("login", ["nobody@a.test", "sales@a.test", "bob", "alice@elsewhere.test", "", "@"])
def test_login_name_that_means_nobody_is_not_found(directory: IDirectory, login: str) -> None:
    failure_of(directory.find(login), NotFound)


@pytest.mark.parametrize("login", ["alice@a.test", "ALICE@a.test", "alice"])
def test_apop_digest_opens_the_account(directory: IDirectory, login: str) -> None:
    assert result_of(directory.authenticate_apop(login, TIMESTAMP, DIGEST)).name == "alice@a.test"


@pytest.mark.parametrize(
    ("login", "timestamp", "digest"),
    [
        ("alice", TIMESTAMP, DIGEST[:-1] + "c"),
        ("alice", TIMESTAMP, ""),
        ("alice", TIMESTAMP, "d\xfcgest"),
        ("alice", "<1@dbc.mtview.ca.us>", DIGEST),
        ("carol@a.test", TIMESTAMP, DIGEST),
        ("carol@a.test", TIMESTAMP, hashlib.md5(TIMESTAMP.encode()).hexdigest()),  # of no secret
        ("nobody", TIMESTAMP, DIGEST),
        ("nobody", TIMESTAMP, hashlib.md5(TIMESTAMP.encode()).hexdigest()),
        ("eve@c.test", TIMESTAMP, DIGEST),
    ],
)
def test_any_other_digest_is_refused(directory: IDirectory, login: str, timestamp: str, digest: str) -> None:
    error = failure_of(directory.authenticate_apop(login, timestamp, digest), BadCredentials)
    assert str(error) == "the login name or the password is wrong"


def test_scram_keys_are_those_of_the_password(directory: IDirectory) -> None:
    keys = result_of(directory.scram_keys("Alice"))
    assert keys == keys_of(result_of(directory.account("alice@a.test")), PASSWORD, keys.salt, keys.iterations)
    assert keys.iterations >= 4096


@pytest.mark.parametrize("login", ["nobody@a.test", "bob@b.test", "eve@c.test", "sales@a.test", "", "@"])
def test_scram_keys_that_are_not_there_look_like_others(directory: IDirectory, login: str) -> None:
    real, first, second = (result_of(directory.scram_keys(name)) for name in ("alice", login, login))
    assert first.account == NOBODY
    assert first.salt == second.salt != real.salt
    assert (len(first.salt), first.iterations) == (len(real.salt), real.iterations)
    assert first.salt != result_of(directory.scram_keys("another@a.test")).salt
    fitting = keys_of(NOBODY, PASSWORD, first.salt, first.iterations)
    assert fitting.stored_key != first.stored_key != second.stored_key

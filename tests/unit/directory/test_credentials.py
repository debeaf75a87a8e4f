"""What accounts log in with, as the command line writes it and the running server reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from mailsuite.directory import database as module
from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups, Stored
from mailsuite.directory.passwords import hash_password, verify_password
from mailsuite.directory.records import Records
from mailsuite.directory.scram import ITERATIONS, NOBODY, keys_of, make_keys, parse_keys
from mailsuite.directory.sqlite import SQLiteDirectory
from mailsuite.errors import BadCredentials, Corrupt, InvalidName, NotAllowed, NotFound, Temporary
from mailsuite.offload import Inline
from mailsuite.testing.results import failure_of, result_of

PASSWORD = "correct horse"
ALICE = "alice@a.test"


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "directory.sqlite")
    create(path)
    return path


@pytest.fixture
def database(path: str) -> Iterator[Database]:
    opened = Database(path)
    yield opened
    opened.close()


@pytest.fixture
def records(database: Database) -> Records:
    made = Records(database, Lookups(database))
    made.add_domain("a.test")
    made.add_account(ALICE, PASSWORD)
    return made


@pytest.fixture
def directory(path: str, records: Records) -> SQLiteDirectory:
    return SQLiteDirectory(path, Inline(), Clock())


def stored(records: Records) -> Stored:
    return records.stored(ALICE)


def fits(records: Records, password: str) -> bool:
    keys = parse_keys(stored(records).scram, NOBODY)
    return keys == keys_of(NOBODY, password, keys.salt, keys.iterations)


# -- SCRAM keys ----------------------------------------------------------------------------------------------------


def test_keys_are_made_and_changed_with_the_password(records: Records) -> None:
    assert fits(records, PASSWORD)
    records.set_password(ALICE, "another one")
    assert fits(records, "another one")
    assert verify_password(stored(records).password, "another one")


def test_an_account_may_keep_none(records: Records) -> None:
    records.keep_scram(ALICE, False)
    assert stored(records).scram == ""
    records.set_password(ALICE, "another one")
    assert stored(records).scram == ""
    records.keep_scram(ALICE, True)
    assert stored(records).scram == "", "nobody knows the password now"
    records.set_password(ALICE, "and another")
    assert fits(records, "and another")
    records.add_account("bob@a.test", PASSWORD, keep_scram=False)
    assert records.stored("bob@a.test").scram == ""


def from_before(database: Database) -> None:
    """As an earlier version left it."""
    database.do("UPDATE accounts SET scram = ''")


def test_an_account_from_before_gets_keys_at_its_next_login(
    directory: SQLiteDirectory, database: Database, records: Records
) -> None:
    from_before(database)
    assert result_of(directory.scram_keys(ALICE)).account == NOBODY
    failure_of(directory.authenticate(ALICE, "wrong"), BadCredentials)
    assert stored(records).scram == ""
    result_of(directory.authenticate(ALICE, PASSWORD))
    assert fits(records, PASSWORD)
    assert result_of(directory.scram_keys(ALICE)).account.name == ALICE


def test_an_account_that_wants_none_gets_none_at_login(directory: SQLiteDirectory, records: Records) -> None:
    records.keep_scram(ALICE, False)
    result_of(directory.authenticate(ALICE, PASSWORD))
    assert stored(records).scram == ""


def test_keys_of_an_old_password_are_not_written_beside_a_new_one(
    directory: SQLiteDirectory, database: Database, records: Records
) -> None:
    before = stored(records)
    records.set_password(ALICE, "another one")
    from_before(database)
    directory._write_scram(before, make_keys(PASSWORD))
    assert stored(records).scram == ""


def test_a_file_that_cannot_be_written_is_no_reason_to_refuse(
    directory: SQLiteDirectory, database: Database, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_before(database)

    def fails(stored: Stored, keys: str) -> None:
        raise Temporary("read-only")

    monkeypatch.setattr(directory, "_write_scram", fails)
    assert result_of(directory.authenticate(ALICE, PASSWORD)).name == ALICE
    assert not directory._making


def test_made_up_salts_are_the_same_after_a_restart(path: str, directory: SQLiteDirectory) -> None:
    first = result_of(directory.scram_keys("nobody@a.test"))
    again = result_of(SQLiteDirectory(path, Inline(), Clock()).scram_keys("Nobody@A.test"))
    assert first.salt == again.salt
    assert first.iterations == ITERATIONS == result_of(directory.scram_keys(ALICE)).iterations


def test_damaged_keys_are_a_temporary_matter_and_named(directory: SQLiteDirectory, database: Database) -> None:
    database.do("UPDATE accounts SET scram = 'SCRAM-SHA-256$what'")
    assert ALICE in str(failure_of(directory.scram_keys(ALICE), Temporary))


@pytest.mark.parametrize("text", ["", "x", "SCRAM-SHA-1$4096:c2FsdA==$a:b", "SCRAM-SHA-256$0:c2FsdA==$a:b"])
def test_what_are_no_keys(text: str) -> None:
    with pytest.raises(Corrupt):
        parse_keys(text, NOBODY)


# -- preparation ---------------------------------------------------------------------------------------------------


def test_a_password_is_the_same_however_it_was_typed(directory: SQLiteDirectory, records: Records) -> None:
    records.set_password(ALICE, "pa\u0308sswort \uff11")
    for typed in ("p\u00e4sswort 1", "pa\u0308sswort\u00a01"):
        assert result_of(directory.authenticate(ALICE, typed)).name == ALICE
    assert fits(records, "p\u00e4sswort 1")


def test_a_password_set_before_there_was_preparation_is_still_right(
    directory: SQLiteDirectory, database: Database, records: Records
) -> None:
    old = "pa\u0308sswort"
    database.do("UPDATE accounts SET scram = '', password = ?", hash_password(old))
    result_of(directory.authenticate(ALICE, old))
    assert fits(records, "p\u00e4sswort")
    failure_of(directory.authenticate(ALICE, "passwort"), BadCredentials)


@pytest.mark.parametrize("password", ["bell \u0007 in it", "\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad"])
def test_a_password_that_cannot_be_prepared_is_not_set(records: Records, password: str) -> None:
    with pytest.raises(InvalidName):
        records.set_password(ALICE, password)


# -- the others ----------------------------------------------------------------------------------------------------


def test_an_apop_secret_is_not_the_password(records: Records) -> None:
    with pytest.raises(NotAllowed):
        records.set_apop_secret(ALICE, PASSWORD)
    with pytest.raises(InvalidName):
        records.set_apop_secret(ALICE, "short")
    records.set_apop_secret(ALICE, "tanstaaf and more")
    assert stored(records).apop == "tanstaaf and more"
    records.set_apop_secret(ALICE, "")
    assert stored(records).apop == ""


def test_a_disabled_account_is_refused_though_its_password_is_remembered(
    directory: SQLiteDirectory, records: Records
) -> None:
    result_of(directory.authenticate(ALICE, PASSWORD))
    records.disable(ALICE, True)
    failure_of(directory.authenticate(ALICE, PASSWORD), BadCredentials)
    failure_of(directory.account(ALICE), NotAllowed)
    records.disable(ALICE, False)
    result_of(directory.authenticate(ALICE, PASSWORD))


def test_the_fingerprint_changes_with_each_password_and_with_nothing_else(
    directory: SQLiteDirectory, records: Records
) -> None:
    def fingerprint() -> str:
        return result_of(directory.account(ALICE)).fingerprint

    first = fingerprint()
    records.set_quota(ALICE, 1, None)
    records.keep_scram(ALICE, False)
    assert fingerprint() == first
    records.set_password(ALICE, PASSWORD)
    second = fingerprint()
    records.remove_account(ALICE)
    records.add_account(ALICE, PASSWORD)
    assert len({first, second, fingerprint()}) == 3


@pytest.mark.parametrize("change", ["keep_scram", "set_apop_secret", "disable"])
def test_an_account_that_is_not_there_has_nothing_to_change(records: Records, change: str) -> None:
    value = "" if change == "set_apop_secret" else True
    with pytest.raises(NotFound):
        getattr(records, change)("nobody@a.test", value)


# -- layouts -------------------------------------------------------------------------------------------------------


def first_layout(path: str) -> None:
    """A file of the first version, with an account."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(module._TABLES)
    connection.execute("INSERT INTO domains VALUES ('a.test', 1)")
    connection.execute(
        "INSERT INTO accounts (name, domain, added, password, quota_bytes) VALUES (?, 'a.test', 1, ?, 7)",
        (ALICE, hash_password(PASSWORD)),
    )
    connection.close()


def test_a_file_of_the_first_layout_is_brought_to_the_newest(tmp_path: Path) -> None:
    path = str(tmp_path / "old.sqlite")
    first_layout(path)
    directory = SQLiteDirectory(path, Inline(), Clock())
    account = result_of(directory.authenticate(ALICE, PASSWORD))
    assert (account.name, account.quota_bytes) == (ALICE, 7)
    assert result_of(directory.scram_keys(ALICE)).account.name == ALICE
    salts = {result_of(directory.scram_keys(name)).salt for name in ("x@a.test", "y@a.test")}
    assert len(salts) == 2
    result_of(directory.close())
    Database(path).close()


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "old.sqlite")
    first_layout(path)
    with monkeypatch.context() as broken:
        broken.setattr(module, "_STEPS", {2: (*module._STEPS[2], "INSERT INTO nothing VALUES (1)")})
        with pytest.raises(Temporary):
            Database(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert len(connection.execute("SELECT * FROM accounts").fetchone()) == 6
    connection.close()
    Database(path).close()

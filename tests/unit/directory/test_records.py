from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Alias, Lookups
from mailsuite.directory.records import Records
from mailsuite.errors import Corrupt, Exists, InvalidName, MailError, NotAllowed, NotFound, Temporary

PASSWORD = "correct horse"


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "directory.sqlite")
    create(path)
    return path


@pytest.fixture
def records(path: str) -> Iterator[Records]:
    database = Database(path)
    made = Records(database, Lookups(database, extra_domains=("Extra.test",)))
    made.add_domain("a.test")
    yield made
    database.close()


def test_file_is_for_its_owner_only_and_never_overwritten(path: str) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with pytest.raises(Exists):
        create(path)


def test_domains_accounts_and_aliases_come_and_go(records: Records) -> None:
    assert records.add_account("Alice@A.test", PASSWORD, 1000, 10) == "alice@a.test"
    assert records.add_alias("Sales@a.test", ["alice@a.test", "X@Elsewhere.test"]) == Alias(
        "sales@a.test", ("alice@a.test", "x@elsewhere.test")
    )
    assert records.add_alias("sales@a.test", ["y@elsewhere.test"]).targets[2:] == ("y@elsewhere.test",)
    assert records.remove_alias("sales@a.test", ["x@elsewhere.test"]) == "sales@a.test"
    assert records.look.aliases() == [Alias("sales@a.test", ("alice@a.test", "y@elsewhere.test"))]
    assert records.look.aliases("other.test") == []
    records.remove_alias("sales@a.test")
    assert [(a.name, a.quota_bytes, a.quota_messages) for a in records.look.accounts()] == [("alice@a.test", 1000, 10)]
    records.remove_account("ALICE@a.test")
    records.remove_domain("a.test")
    assert records.look.domains() == ["extra.test"]


def test_extra_domains_are_as_good_as_added_ones(records: Records) -> None:
    assert records.add_account("alice@extra.test", PASSWORD) == "alice@extra.test"
    with pytest.raises(Exists):
        records.add_domain("extra.test")


REFUSED: list[tuple[type[MailError], Callable[[Records], object]]] = [
    (Exists, lambda r: r.add_domain("A.TEST")),
    (InvalidName, lambda r: r.add_domain("no domain")),
    (NotFound, lambda r: r.remove_domain("b.test")),
    (NotAllowed, lambda r: r.remove_domain("a.test")),
    (Exists, lambda r: r.add_account("ALICE@a.test", PASSWORD)),
    (NotFound, lambda r: r.add_account("alice@b.test", PASSWORD)),
    (InvalidName, lambda r: r.add_account("no account", PASSWORD)),
    (InvalidName, lambda r: r.add_account("bob@a.test", "short")),
    (NotFound, lambda r: r.set_password("bob@a.test", PASSWORD)),
    (InvalidName, lambda r: r.set_password("alice@a.test", "short")),
    (NotFound, lambda r: r.remove_account("bob@a.test")),
    (NotFound, lambda r: r.add_alias("x@b.test", ["alice@a.test"])),
    (NotFound, lambda r: r.add_alias("x@a.test", ["alice@a.test", "nobody@a.test"])),
    (InvalidName, lambda r: r.add_alias("x@a.test", ["alice@a.test", "no address"])),
    (Exists, lambda r: r.add_alias("list@a.test", ["new@elsewhere.test", "alice@a.test"])),
    (Exists, lambda r: r.add_alias("x@a.test", ["y@elsewhere.test", "Y@elsewhere.test"])),
    (NotFound, lambda r: r.remove_alias("x@a.test")),
    (NotFound, lambda r: r.remove_alias("list@a.test", ["alice@a.test", "bob@a.test"])),
    (NotAllowed, lambda r: r.add_alias("x@a.test", [f"n{n}@elsewhere.test" for n in range(1001)])),
]


@pytest.mark.parametrize(("kind", "change"), REFUSED)
def test_refused_change_changes_nothing(
    records: Records, path: str, kind: type[MailError], change: Callable[[Records], object]
) -> None:
    records.add_account("alice@a.test", PASSWORD)
    records.add_alias("list@a.test", ["alice@a.test"])
    before = Path(path).read_bytes()
    with pytest.raises(kind):
        change(records)
    assert Path(path).read_bytes() == before


def test_alias_may_lead_to_a_detail_a_catch_all_or_itself(records: Records) -> None:
    records.add_account("alice@a.test", PASSWORD)
    records.add_alias("x@a.test", ["alice+x@a.test"])
    records.add_alias("@a.test", ["alice@a.test"])
    records.add_alias("y@a.test", ["whatever@a.test"])
    records.add_alias("alice@a.test", ["alice@a.test", "copy@elsewhere.test"])
    with pytest.raises(NotFound):
        records.add_alias("z@extra.test", ["z@extra.test"])


def test_aliases_that_lead_to_each_other_need_a_way_out(records: Records) -> None:
    records.add_account("alice@a.test", PASSWORD)
    records.add_alias("one@a.test", ["alice@a.test"])
    records.add_alias("two@a.test", ["one@a.test"])
    records.add_alias("one@a.test", ["two@a.test"])
    records.remove_alias("one@a.test")
    with pytest.raises(NotAllowed, match="round in a circle"):
        records.add_alias("one@a.test", ["two@a.test"])
    assert [alias.source for alias in records.look.aliases()] == ["two@a.test"]
    records.add_alias("one@a.test", ["two@a.test", "x@elsewhere.test"])


def test_missing_file_is_not_made_up(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Database(str(tmp_path / "none.sqlite"))
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be taken for one" * 100])
def test_foreign_file_is_told_apart(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "directory.sqlite"
    file.write_bytes(content)
    with pytest.raises(Corrupt):
        Database(str(file))
    assert file.read_bytes() == content


def test_file_of_another_version_is_told_apart(path: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Corrupt, match="another version"):
        Database(path)


def test_busy_file_is_a_temporary_matter(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.directory.database._BUSY_SECONDS", 0.01)
    other = sqlite3.connect(path, isolation_level=None)
    database = Database(path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Temporary):
        database.all("SELECT * FROM domains")
    other.execute("ROLLBACK")
    assert database.all("SELECT * FROM domains") == []
    other.close()
    database.close()


def test_two_who_change_take_turns(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.directory.database._BUSY_SECONDS", 0.01)
    first, second = Database(path), Database(path)
    with first.change(), pytest.raises(Temporary), second.change():
        raise AssertionError("both were let in before either had written")
    first.close()
    second.close()


def remove_all_and_break(database: Database) -> None:
    with database.change():
        database.do("DELETE FROM domains")
        raise ZeroDivisionError


def test_change_that_breaks_in_the_middle_leaves_no_trace(records: Records, path: str) -> None:
    database = Database(path)
    with pytest.raises(ZeroDivisionError):
        remove_all_and_break(database)
    assert records.look.domains() == ["a.test", "extra.test"]
    database.close()

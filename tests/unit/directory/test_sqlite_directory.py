from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from mailsuite.directory import sqlite as module
from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.passwords import verify_password
from mailsuite.directory.records import Records
from mailsuite.directory.sqlite import DirectorySettings, SQLiteDirectory
from mailsuite.directory.srs import Srs
from mailsuite.errors import BadCredentials, Temporary
from mailsuite.model import Account, Address, Forward, Local, Pop3Rules, Remote, Unknown
from mailsuite.offload import Inline
from mailsuite.testing.results import failure_of, result_of

PASSWORD = "correct horse"


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "directory.sqlite")
    create(path)
    return path


@pytest.fixture
def records(path: str) -> Iterator[Records]:
    """Another process's view of the file."""
    database = Database(path)
    made = Records(database, Lookups(database))
    made.add_domain("a.test")
    made.add_account("alice@a.test", PASSWORD)
    yield made
    database.close()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stored hashes that passwords were checked against, slowly."""
    seen: list[str] = []

    def verify(stored: str, password: str) -> bool:
        seen.append(stored)
        return verify_password(stored, password)

    monkeypatch.setattr(module, "verify_password", verify)
    return seen


def test_change_by_another_process_counts_at_once(path: str, records: Records) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    bob = Address("bob", "a.test")
    assert result_of(directory.resolve(bob)) == Unknown()
    records.add_account("bob@a.test", PASSWORD)
    assert result_of(directory.resolve(bob)) == Local("bob@a.test")
    records.add_alias("bob@a.test", ["alice@a.test"])
    assert result_of(directory.resolve(bob)) == Forward((Local("alice@a.test"),), ())
    records.remove_alias("bob@a.test")
    records.remove_account("bob@a.test")
    assert result_of(directory.resolve(bob)) == Unknown()
    assert result_of(directory.resolve(Address("x", "b.test"))) == Remote()
    records.add_domain("b.test")
    assert result_of(directory.resolve(Address("x", "b.test"))) == Unknown()


def test_password_is_checked_slowly_once_and_then_remembered(path: str, records: Records, checks: list[str]) -> None:
    clock = Clock()
    directory = SQLiteDirectory(path, Inline(), clock, DirectorySettings(remember=300))
    for _ in range(3):
        assert result_of(directory.authenticate("alice", PASSWORD)).name == "alice@a.test"
    assert len(checks) == 1
    clock.advance(301)
    result_of(directory.authenticate("alice@a.test", PASSWORD))
    assert len(checks) == 2


def test_wrong_password_is_always_checked_slowly(path: str, records: Records, checks: list[str]) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    result_of(directory.authenticate("alice", PASSWORD))
    for _ in range(2):
        failure_of(directory.authenticate("alice", "wrong horse"), BadCredentials)
    assert len(checks) == 3
    result_of(directory.authenticate("alice", PASSWORD))
    assert len(checks) == 3, "a wrong guess does not make the right one be forgotten"


def test_changed_password_is_refused_at_once(path: str, records: Records) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    result_of(directory.authenticate("alice", PASSWORD))
    records.set_password("alice@a.test", "another one")
    failure_of(directory.authenticate("alice", PASSWORD), BadCredentials)
    result_of(directory.authenticate("alice", "another one"))


def test_removed_account_is_refused_at_once(path: str, records: Records) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    result_of(directory.authenticate("alice", PASSWORD))
    records.remove_account("alice@a.test")
    failure_of(directory.authenticate("alice", PASSWORD), BadCredentials)


def test_unknown_account_costs_a_check_too(path: str, records: Records, checks: list[str]) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    failure_of(directory.authenticate("nobody", PASSWORD), BadCredentials)
    failure_of(directory.authenticate("nobody@elsewhere.test", PASSWORD), BadCredentials)
    failure_of(directory.authenticate("nobody@not a domain", PASSWORD), BadCredentials)
    assert len(checks) == 3
    assert {stored.split("$")[3] for stored in checks} == {"m=19456,t=2,p=1"}


class Later(Inline):
    """Work that waits until it is told to be done."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    def run(self, work, *args, **kwargs):  # type: ignore[no-untyped-def]
        turn: Deferred[None] = Deferred()
        self.waiting.append(turn)
        return turn.addCallback(lambda _: work(*args, **kwargs))

    def run_in(self, lane, work, *args, **kwargs):  # type: ignore[no-untyped-def]
        return Inline.run(self, work, *args, **kwargs)


def test_only_so_many_passwords_are_checked_at_once(path: str, records: Records) -> None:
    offload = Later()
    directory = SQLiteDirectory(path, offload, Clock(), DirectorySettings(checks_at_once=2))
    logins = [directory.authenticate("alice", "wrong horse") for _ in range(5)]
    assert len(offload.waiting) == 2
    while offload.waiting:
        offload.waiting.pop(0).callback(None)
    for login in logins:
        failure_of(login, BadCredentials)


def hang_up(login: Deferred[Account]) -> None:
    login.cancel()
    failure_of(login, CancelledError)


def test_hanging_up_makes_no_room_for_more_checks(path: str, records: Records, checks: list[str]) -> None:
    offload = Later()
    directory = SQLiteDirectory(path, offload, Clock(), DirectorySettings(checks_at_once=2))
    begun = [directory.authenticate("alice", "wrong horse") for _ in range(2)]
    given_up = directory.authenticate("alice", "wrong horse")
    last = directory.authenticate("alice", PASSWORD)
    for login in (*begun, given_up):
        hang_up(login)
    assert len(offload.waiting) == 2, "a check began while two are still in threads"
    while offload.waiting:
        offload.waiting.pop(0).callback(None)
    assert result_of(last).name == "alice@a.test"
    assert len(checks) == 3, "a check was made that nobody waited for any more"


def test_a_check_that_fails_gives_its_turn_back(path: str, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock(), DirectorySettings(checks_at_once=1))
    with monkeypatch.context() as broken:
        broken.setattr(module, "verify_password", lambda stored, password: 1 / 0)
        failure_of(directory.authenticate("alice", PASSWORD), ZeroDivisionError)
    assert result_of(directory.authenticate("alice", PASSWORD)).name == "alice@a.test"


def test_settings_stand_in(path: str, records: Records) -> None:
    records.add_domain("b.test")
    own = DirectorySettings(extra_domains=("Extra.test",), default_domain="b.test", postmaster="alice@a.test")
    directory = SQLiteDirectory(path, Inline(), Clock(), own)
    assert result_of(directory.resolve(Address("x", "extra.test"))) == Unknown()
    found = result_of(directory.resolve(Address("postmaster", "extra.test")))
    assert found == Forward((Local("alice@a.test"),), ())
    records.add_account("carol@b.test", PASSWORD)
    assert result_of(directory.authenticate("carol", PASSWORD)).name == "carol@b.test"
    failure_of(directory.authenticate("alice", PASSWORD), BadCredentials)


def test_return_paths_of_forwarded_mail_lead_back(path: str, records: Records) -> None:
    srs, clock = Srs((b"a secret of this server",), "us.test"), Clock()
    directory = SQLiteDirectory(path, Inline(), clock, DirectorySettings(srs=srs))
    clock.advance(20_000 * 86_400)
    ann = Address("ann", "b.test")
    out = srs.forward(ann, 20_000)
    assert result_of(directory.resolve(out)) == Forward((), (ann,))
    assert result_of(directory.resolve(Address(out.local.replace("ann", "eve"), "us.test"))) == Unknown()
    assert result_of(directory.resolve(Address(out.local, "c.test"))) == Remote()
    clock.advance(22 * 86_400)
    assert result_of(directory.resolve(out)) == Unknown()


def test_domain_without_accounts_has_the_default_domains_postmaster(path: str, records: Records) -> None:
    records.add_domain("b.test")
    found = result_of(SQLiteDirectory(path, Inline(), Clock()).resolve(Address("postmaster", "b.test")))
    assert found == Forward((Local("alice@a.test"),), ())


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "no domain", "x" * 300, "EXAMPLE_.test"])
def test_what_is_no_name_is_not_ours(path: str, records: Records, domain: str) -> None:
    assert result_of(SQLiteDirectory(path, Inline(), Clock()).resolve(Address("alice", domain))) == Remote()


def test_domain_is_found_by_its_unicode_name(path: str, records: Records) -> None:
    records.add_domain("bücher.test")
    directory = SQLiteDirectory(path, Inline(), Clock())
    for name in ("xn--bcher-kva.test", "bücher.test"):
        assert result_of(directory.resolve(Address("nobody", name))) == Unknown()


def test_file_that_breaks_while_running_is_a_temporary_matter(path: str, records: Records) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    result_of(directory.open())
    Path(path).write_bytes(b"scribbled over" * 3000)
    failure_of(directory.resolve(Address("alice", "a.test")), Temporary)
    failure_of(directory.authenticate("alice", PASSWORD), Temporary)


def test_missing_file_is_told_when_opening_and_is_never_a_refusal(tmp_path: Path) -> None:
    directory = SQLiteDirectory(str(tmp_path / "none"), Inline(), Clock())
    assert "the directory is missing" in str(failure_of(directory.open(), Temporary))
    failure_of(directory.resolve(Address("alice", "a.test")), Temporary)
    failure_of(directory.account("alice@a.test"), Temporary)


def test_closed_directory_opens_again_when_asked(path: str, records: Records) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    result_of(directory.account("alice@a.test"))
    result_of(directory.close())
    assert result_of(directory.account("alice@a.test")).name == "alice@a.test"
    result_of(directory.close())


def test_rules_of_accounts_count_and_their_extremes_are_told(path: str, records: Records) -> None:
    directory = SQLiteDirectory(path, Inline(), Clock())
    assert result_of(directory.pop3_extremes()) == Pop3Rules()
    name = records.look.accounts()[0].name
    other = records.add_account(f"other@{name.rpartition('@')[2]}", PASSWORD)
    records.set_pop3(name, Pop3Rules(login_delay=60, expire_days=-1))
    assert result_of(directory.account(name)).pop3 == Pop3Rules(60, -1)
    assert result_of(directory.pop3_extremes()) == Pop3Rules(60, -1)
    records.set_pop3(other, Pop3Rules(login_delay=0, expire_days=9))
    assert result_of(directory.pop3_extremes()) == Pop3Rules(60, 9)
    records.set_pop3(name, Pop3Rules())
    assert result_of(directory.account(name)).pop3 == Pop3Rules()
    assert result_of(directory.pop3_extremes()) == Pop3Rules(0, 9)
    result_of(directory.close())

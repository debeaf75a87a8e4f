"""``mailsuite store verify`` on instances that were damaged in every way."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailsuite.cli import store as command
from mailsuite.cli.commands import cli
from mailsuite.services.lock import FolderLock
from mailsuite.store import leftovers

ANN = "ann@a.test"
MESSAGE = b"Subject: hello\n\nhello\n"


class Instance:
    def __init__(self, folder: Path) -> None:
        self.config = str(folder / "mailsuite.toml")
        self.queue = str(folder / "queue")
        self.home = folder / "store" / "a.test" / "ann"
        self.maildir = self.home / "Maildir"
        for inside in ("cur", "new", "tmp", ".Sent/cur", ".Sent/new", ".Sent/tmp"):
            (self.maildir / inside).mkdir(parents=True)
        for number in range(1, 6):
            (self.maildir / "cur" / f"{number}.x.host,S=22,W=25,U={number * 10}:2,S").write_bytes(MESSAGE)
        (self.maildir / ".Sent" / "cur" / "9.x.host:2,").write_bytes(MESSAGE)
        # as a server leaves it, with an index
        (self.maildir / "tmp" / "stale").write_bytes(b"x")
        os.utime(self.maildir / "tmp" / "stale", (1, 1))
        assert self.verify("--repair").exit_code == 0
        assert self.verify().output == "6 messages in 2 mailboxes: all is well\n"

    def verify(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["store", "verify", *arguments, "--config", self.config])

    def found(self, *arguments: str) -> list[Any]:
        result = self.verify("--json", *arguments)
        findings = json.loads(result.stdout)["findings"]
        assert result.exit_code == (0 if all(one["repaired"] for one in findings) else 1)
        return findings

    def file(self, number: int) -> Path:
        [path] = (self.maildir / "cur").glob(f"{number}.x.host*")
        return path

    def sql(self, statement: str) -> Any:
        """The first row of the answer."""
        with contextlib.closing(sqlite3.connect(self.home / "index.sqlite")) as db, db:
            return db.execute(statement).fetchone()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("instance") / "var"
    assert CliRunner().invoke(cli, ["init", str(folder), "--domain", "a.test"]).exit_code == 0
    return folder


@pytest.fixture
def instance(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    monkeypatch.setattr(command, "AGAIN", 0.0)
    shutil.copytree(template, tmp_path / "var")
    return Instance(tmp_path / "var")


def dropped(one: Instance) -> None:
    (one.maildir / "new" / "7.x.host").write_bytes(MESSAGE)


def removed(one: Instance) -> None:
    one.file(3).unlink()


def flagged(one: Instance) -> None:
    one.file(3).rename(str(one.file(3)) + "T")


def doubled(one: Instance) -> None:
    (one.maildir / "cur" / "8.x.host,S=22,W=25,U=30:2,").write_bytes(MESSAGE)


def resized(one: Instance) -> None:
    one.file(3).write_bytes(MESSAGE + b"more\n")


def with_wrong_wire_size(one: Instance) -> None:
    one.file(3).rename(one.maildir / "cur" / "3.x.host,S=22,W=99,U=30:2,S")
    one.sql("UPDATE message SET base = '3.x.host,S=22,W=99,U=30', wire = 99 WHERE key & 4294967295 = 30")


def with_wrong_row(one: Instance) -> None:
    one.sql("UPDATE message SET wire = 1000 WHERE key & 4294967295 = 30")


def with_low_counters(one: Instance) -> None:
    file = one.maildir / "mailsuite-uidvalidity"
    words = file.read_bytes().split()
    file.write_bytes(b" ".join([*words[:2], b"N31", *words[3:]]) + b"\n")


def with_low_modseq(one: Instance) -> None:
    one.sql("UPDATE message SET modseq = 70000 WHERE key & 4294967295 = 30")


def with_another_uidvalidity(one: Instance) -> None:
    one.sql("UPDATE mailbox SET uidvalidity = 5 WHERE folder = ''")


def with_stale_files(one: Instance) -> None:
    (one.maildir / "tmp" / "old").write_bytes(b"x")
    os.utime(one.maildir / "tmp" / "old", (1, time.time() - leftovers.STALE - 60))
    (one.maildir / "tmp" / "young").write_bytes(b"x")


def with_a_message_in_both(one: Instance) -> None:
    os.link(one.file(3), one.maildir / "new" / one.file(3).name.partition(":")[0])


def with_a_broken_index(one: Instance) -> None:
    (one.home / "index.sqlite").write_bytes(b"no database" * 1000)


def with_a_folder_too_many(one: Instance) -> None:
    one.sql("INSERT INTO mailbox (folder, uidvalidity) VALUES ('.Gone', 5)")


DAMAGES: dict[Callable[[Instance], None], tuple[str, ...]] = {
    dropped: ("file", "quota"),
    removed: ("row", "quota"),
    flagged: ("flags",),
    doubled: ("file", "quota", "uid"),
    resized: ("size",),
    with_wrong_row: ("numbers", "quota"),
    with_low_counters: ("counters",),
    with_low_modseq: ("counters",),
    with_another_uidvalidity: ("uidvalidity",),
    with_stale_files: ("tmp",),
    with_a_message_in_both: ("twice",),
    with_a_broken_index: ("index",),
    with_a_folder_too_many: ("index",),
}


@pytest.mark.parametrize(("damage", "kinds"), DAMAGES.items(), ids=[each.__name__ for each in DAMAGES])
def test_damage_is_found_and_repaired(
    instance: Instance, damage: Callable[[Instance], None], kinds: tuple[str, ...]
) -> None:
    damage(instance)
    found = instance.found()
    assert sorted(one["kind"] for one in found) == sorted(kinds)
    assert not any(one["repaired"] for one in found)
    assert instance.found() == found, "looking changed something"
    repaired = instance.found("--repair")
    assert sorted(one["kind"] for one in repaired) == sorted(kinds)
    assert all(one["repaired"] for one in repaired)
    assert instance.found("--deep") == []


def test_uids_stay_in_a_repair(instance: Instance) -> None:
    for damage in (resized, doubled, with_low_counters):
        damage(instance)
    instance.found("--repair")
    uids = sorted(int(path.name.partition(",U=")[2].partition(":")[0]) for path in (instance.maildir / "cur").iterdir())
    assert uids[:5] == [10, 20, 30, 40, 50]
    assert uids[5] > 50
    assert instance.file(3).stat().st_size == len(MESSAGE) + (5 if ",S=27,W=31," in instance.file(3).name else 0)


@pytest.mark.parametrize("damage", [with_low_modseq, with_wrong_row])
def test_rows_that_were_made_anew_are_news_to_clients(instance: Instance, damage: Callable[[Instance], None]) -> None:
    damage(instance)
    select = "SELECT max(modseq) FROM message JOIN mailbox ON key >> 32 = id WHERE folder = ''"
    [before] = instance.sql(select)
    instance.found("--repair")
    [after] = instance.sql(select)
    assert after > before


def test_only_a_deep_look_reads_messages(instance: Instance) -> None:
    with_wrong_wire_size(instance)
    assert instance.found() == []
    assert [one["kind"] for one in instance.found("--deep")] == ["size"]
    assert [one["repaired"] for one in instance.found("--deep", "--repair")] == [True]
    assert instance.file(3).name == "3.x.host,S=22,W=25,U=30:2,S"
    assert instance.found("--deep") == []


@pytest.mark.parametrize("name", [".From&", ".a..b"])
def test_a_folder_that_no_name_leads_to_is_for_a_person(instance: Instance, name: str) -> None:
    (instance.maildir / name / "cur").mkdir(parents=True)
    result = instance.verify("--repair")
    assert result.exit_code == 1
    assert repr(name) in result.output
    assert "1 found, 0 repaired" in result.output


def test_what_is_no_regular_file_is_for_a_person(instance: Instance) -> None:
    (instance.maildir / "cur" / "7.x.host:2,").symlink_to("/etc/passwd")
    for options in ((), ("--repair", "--deep")):
        [one] = instance.found(*options)
        assert (one["kind"], one["repaired"]) == ("strange", False)
        assert "7.x.host:2," in one["text"]


def test_a_file_of_ours_that_cannot_be_read_is_for_a_person(instance: Instance) -> None:
    (instance.maildir / ".Sent" / "mailsuite-uidvalidity").write_bytes(b"1 V17\n")
    dropped(instance)
    result = instance.verify("--repair")
    assert result.exit_code == 1
    assert "a.test, Sent: " in result.output
    assert "not a line that mailsuite wrote" in result.output
    assert "ann@a.test, INBOX: 1 file(s) that the index does not know: 7.x.host (repaired)\n" in result.output


def test_what_is_found_is_said_in_plain_words(instance: Instance) -> None:
    for number in (1, 2, 3, 4):
        instance.file(number).unlink()
    result = instance.verify()
    assert result.exit_code == 1
    assert result.output == (
        "ann@a.test, INBOX: 4 message(s) in the index without a file: UID 10, UID 20, UID 30, ...\n"
        "ann@a.test: quota counts 6 messages of 150 octets, there are 2 of 50\n"
        "2 messages in 2 mailboxes: 2 found, 0 repaired\n"
    )


def test_only_the_accounts_named_are_looked_at(instance: Instance) -> None:
    dropped(instance)
    other = instance.home.parent / "o%27neil" / "Maildir"
    for inside in ("cur", "new"):
        (other / inside).mkdir(parents=True)
    assert {one["account"] for one in instance.found()} == {ANN}
    assert instance.found("o'neil@a.test") == []
    assert len(instance.found("Ann@A.test")) == 2
    result = instance.verify("nobody@a.test")
    assert (result.exit_code, result.stderr) == (1, "mailsuite: there is no mail of nobody@a.test\n")


def test_beside_a_running_server_it_looks_and_does_not_repair(instance: Instance) -> None:
    dropped(instance)
    lock = FolderLock(instance.queue)
    try:
        assert [one["kind"] for one in instance.found()] == ["file", "quota"]
        result = instance.verify("--repair")
        assert result.exit_code == 1
        assert "another server is running" in result.stderr
    finally:
        lock.release()
    assert [one["repaired"] for one in instance.found("--repair")] == [True, True]


def test_mail_on_its_way_is_no_finding(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed() -> None:
        (instance.maildir / "new" / "7.x.host").unlink()
        with_stale_files(instance)  # a next call will find this

    dropped(instance)
    monkeypatch.setattr(command.time, "sleep", lambda _: changed())
    assert instance.found() == []


def test_a_store_that_nobody_used_is_well(template: Path) -> None:
    result = CliRunner().invoke(cli, ["store", "verify", "--config", str(template / "mailsuite.toml")])
    assert (result.exit_code, result.output) == (0, "0 messages in 0 mailboxes: all is well\n")

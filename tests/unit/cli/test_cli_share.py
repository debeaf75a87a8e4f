"""``mailsuite share`` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from twisted.internet.task import Clock

from mailsuite.cli.commands import cli
from mailsuite.disk.real import RealDisk
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.results import result_of

ANN, BOB = "ann@a.test", "bob@a.test"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, input="correct horse\n", env={"MAILSUITE_CONFIG": None})


@pytest.fixture
def config(tmp_path: Path) -> str:
    folder = tmp_path / "var"
    assert run("init", str(folder), "--domain", "a.test").exit_code == 0
    config = str(folder / "mailsuite.toml")
    for name in (ANN, BOB):
        assert run("user", "add", name, "--password-stdin", "--config", config).exit_code == 0
    stores = MaildirStores(str(folder / "store"), RealDisk(), Inline(), Clock(), "mail.a.test")
    store = result_of(stores.open(ANN))
    result_of(store.create("Work/Größe", ""))
    result_of(stores.close())
    return config


def shares(config: str) -> list[list[str]]:
    result = run("share", "list", ANN, "--json", "--config", config)
    assert result.exit_code == 0, result.output
    return [list(each.values()) for each in json.loads(result.stdout)]


def test_rights_are_given_and_taken(config: str) -> None:
    assert shares(config) == []
    for mailbox, who, rights in (("Work/Größe", BOB, "rl"), ("inbox", "anyone", "d"), ("INBOX", BOB, "lr")):
        result = run("share", "set", ANN, mailbox, who, rights, "--config", config)
        assert result.exit_code == 0, result.output
    assert shares(config) == [["INBOX", "anyone", "te"], ["INBOX", BOB, "lr"], ["Work/Größe", BOB, "lr"]]
    assert run("share", "set", ANN, "INBOX", BOB, "", "--config", config).exit_code == 0
    assert shares(config) == [["INBOX", "anyone", "te"], ["Work/Größe", BOB, "lr"]]
    listed = (Path(config).parent / "store/mailsuite-shares").read_text()
    assert listed == f"{ANN} anyone\n{ANN} {BOB}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((ANN, "Nowhere", BOB, "lr"), "has no mailbox Nowhere"),
        ((ANN, "INBOX", "eve@a.test", "lr"), "there is no account eve@a.test"),
        ((ANN, "INBOX", ANN, "lr"), "all rights"),
        ((ANN, "INBOX", BOB, "lq"), "'q' is no right"),
        (("eve@a.test", "INBOX", BOB, "lr"), "no mail here"),
    ],
)
def test_what_cannot_be_is_one_line(config: str, arguments: tuple[str, ...], words: str) -> None:
    result = run("share", "set", *arguments, "--config", config)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert shares(config) == []

"""Whose server a call of sendmail is for, and what is said when that cannot be known; mailq and -q without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsuite.model import Address, Recipient
from mailsuite.sendmail import program, site
from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.sendmail.maildrop import Head, Places, put

LISTENER = '[[listener]]\nservice = "smtp"\naddress = "127.0.0.1"\nport = 2525\ntls = "none"\n'


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(site.VARIABLE, raising=False)
    monkeypatch.setattr(site, "LINK", str(tmp_path / "link"))
    monkeypatch.setattr(site, "CONFIG", str(tmp_path / "mailsuite.toml"))


def configured(folder: Path, more: str = "") -> str:
    """The path of a configuration; a server that has made its folders has run, and does not any more."""
    config = folder / "mailsuite.toml"
    config.write_text(f'hostname = "mx.a.test"\n{LISTENER}{more}')
    (folder / "queue").mkdir()
    Path(Places(str(folder / "sendmail")).drop).mkdir(parents=True)
    return str(config)


def stopped(config: str = "") -> Stop:
    with pytest.raises(Stop) as how:
        site.settings_of(config)
    return how.value


def test_no_server_is_set_up_here(tmp_path: Path) -> None:
    stop = stopped()
    assert stop.status is Exit.CONFIG
    for words in (f"{tmp_path}/mailsuite.toml is not there", "-C FILE", "MAILSUITE_CONFIG", "--install --config FILE"):
        assert words in str(stop)


def test_configuration_that_was_named_wrongly(tmp_path: Path) -> None:
    stop = stopped(str(tmp_path / "other.toml"))
    told = f"{tmp_path}/other.toml: cannot be read: No such file or directory"
    assert (stop.status, str(stop)) == (Exit.CONFIG, told)


def test_configuration_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    config = configured(tmp_path)
    monkeypatch.setattr("builtins.open", denied)
    stop = stopped(config)
    assert stop.status is Exit.NOPERM
    assert str(stop).endswith("Permission denied; only the server's user and root may look at the queue")
    with pytest.raises(Stop, match=r"Permission denied; root lets everybody send with `mailsuite sendmail --install`"):
        site.find(config)


def test_queue_is_listed_where_no_mail_is_taken_by_sendmail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path, '[sendmail]\nfolder = ""\n')
    assert program.main(["-C", config], "mailq") == 0
    assert capsys.readouterr().out == "Mail queue is empty\n"
    assert program.main(["-C", config, "x"]) == Exit.CONFIG


def test_what_waits_for_the_server_is_told_beside_the_queue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, me = configured(tmp_path), Address("me", "a.test")
    drop = Places(str(tmp_path / "sendmail")).drop
    put(drop, Head(me, (Recipient(me),)), b"Subject: x\n\nx\n")
    assert program.main(["-C", config], "mailq") == 0
    told = f"1 message in {drop}, which the server takes within ten seconds of running\n"
    assert capsys.readouterr().out == f"Mail queue is empty\n{told}"


def test_that_nothing_is_tried_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["-C", configured(tmp_path), "-q"]) == 0
    assert capsys.readouterr().err == "sendmail: the server does not run: what waits is tried when it is started\n"

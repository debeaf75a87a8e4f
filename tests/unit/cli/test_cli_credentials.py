"""How an account can log in, as the command line sets and shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import PASSWORD, done, refused

from mailsuite.cli.instance import open_records

BOB = "bob@a.test"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """An instance with bob."""
    done("init", str(tmp_path / "var"), "--domain", "a.test")
    path = str(tmp_path / "var" / "mailsuite.toml")
    done("user", "add", BOB, "--password-stdin", "--config", path, stdin=PASSWORD)
    return path


def shown(config: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(done("user", "show", "Bob@A.test", "--json", "--config", config))
    return found


ALL = ["EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]


def test_new_account_can_use_everything_but_apop(config: str) -> None:
    assert shown(config) == {"account": BOB, "disabled": False, "mechanisms": ALL, "scram_at_next_login": False}
    assert done("user", "show", BOB, "--config", config) == f"{BOB}: {', '.join(ALL)}\nSCRAM: 32768 iterations\n"


def test_keys_for_scram_are_forgotten_and_wanted_again(config: str) -> None:
    assert done("user", "scram", BOB, "forget", "--config", config).startswith(f"{BOB}: SCRAM keys are forgotten")
    assert shown(config)["mechanisms"] == ["EXTERNAL", "PLAIN", "LOGIN"]
    assert done("user", "show", BOB, "--config", config).endswith("\nSCRAM: no keys are kept\n")
    done("user", "passwd", BOB, "--password-stdin", "--config", config, stdin="another one")
    assert shown(config)["mechanisms"] == ["EXTERNAL", "PLAIN", "LOGIN"]
    done("user", "scram", BOB, "keep", "--config", config)
    assert shown(config)["scram_at_next_login"] is True
    assert "from the next login" in done("user", "show", BOB, "--config", config)


def test_an_account_may_begin_without_keys(config: str) -> None:
    done("user", "add", "ann@a.test", "--no-scram", "--password-stdin", "--config", config, stdin=PASSWORD)
    with open_records(config) as records:
        stored = records.stored("ann@a.test")
    assert (stored.scram, stored.keep_scram) == ("", False)


def test_a_secret_for_apop_is_set_and_removed(config: str) -> None:
    secret = ("user", "apop-secret", BOB, "--config", config)
    assert "another secret" in refused(*secret, "--password-stdin", stdin=PASSWORD)
    assert done(*secret, "--password-stdin", stdin="tanstaaf-tanstaaf") == f"{BOB}: the APOP secret is set\n"
    assert shown(config)["mechanisms"] == [*ALL, "APOP"]
    assert done(*secret, "--remove") == f"{BOB}: the APOP secret is gone\n"
    assert shown(config)["mechanisms"] == ALL
    assert "there is no account" in refused("user", "apop-secret", "x@a.test", "--config", config)


def test_an_account_is_disabled_and_enabled(config: str) -> None:
    assert done("user", "disable", BOB, "--config", config) == f"disabled {BOB}\n"
    assert "disabled" in done("user", "list", "--config", config)
    assert json.loads(done("user", "list", "--json", "--config", config))[0]["disabled"] is True
    assert (shown(config)["disabled"], shown(config)["mechanisms"]) == (True, [])
    assert done("user", "show", BOB, "--config", config) == f"{BOB}: disabled: nobody can log in\n"
    assert done("user", "enable", BOB, "--config", config) == f"enabled {BOB}\n"
    assert shown(config)["mechanisms"] == ALL


@pytest.mark.parametrize("command", [("show",), ("scram", "keep"), ("disable",), ("enable",)])
def test_an_account_that_is_not_there_is_named(config: str, command: tuple[str, ...]) -> None:
    first, *rest = command
    assert refused("user", first, "nobody@a.test", *rest, "--config", config) == "there is no account nobody@a.test"

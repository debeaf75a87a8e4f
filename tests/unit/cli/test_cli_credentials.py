"""How an account can log in, as the command line sets and shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import PASSWORD, done, refused, run

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


AS_SERVER = "POP3: login delay: the server's, mail stays: the server's"
ALL = ["EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]


def test_new_account_can_use_everything_but_apop(config: str) -> None:
    assert shown(config) == {
        "account": BOB,
        "disabled": False,
        "mechanisms": ALL,
        "scram_at_next_login": False,
        "pop3": {"login_delay": None, "expire_days": None},
    }
    assert done("user", "show", BOB, "--config", config) == (
        f"{BOB}: {', '.join(ALL)}\nSCRAM: 32768 iterations\n{AS_SERVER}\n"
    )


def test_keys_for_scram_are_forgotten_and_wanted_again(config: str) -> None:
    assert done("user", "scram", BOB, "forget", "--config", config).startswith(f"{BOB}: SCRAM keys are forgotten")
    assert shown(config)["mechanisms"] == ["EXTERNAL", "PLAIN", "LOGIN"]
    assert done("user", "show", BOB, "--config", config).endswith(f"\nSCRAM: no keys are kept\n{AS_SERVER}\n")
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
    assert done("user", "show", BOB, "--config", config) == (f"{BOB}: disabled: nobody can log in\n{AS_SERVER}\n")
    assert done("user", "enable", BOB, "--config", config) == f"enabled {BOB}\n"
    assert shown(config)["mechanisms"] == ALL


@pytest.mark.parametrize("command", [("show",), ("pop3",), ("scram", "keep"), ("disable",), ("enable",)])
def test_an_account_that_is_not_there_is_named(config: str, command: tuple[str, ...]) -> None:
    first, *rest = command
    assert refused("user", first, "nobody@a.test", *rest, "--config", config) == "there is no account nobody@a.test"


def test_an_account_has_pop3_rules_of_its_own_until_it_has_the_servers_again(config: str) -> None:
    change = ("user", "pop3", BOB, "--config", config)
    assert done(*change, "--login-delay", "60") == f"{BOB}: login delay: 60 s, mail stays: the server's\n"
    assert shown(config)["pop3"] == {"login_delay": 60, "expire_days": None}
    assert done(*change, "--expire-days", "30") == f"{BOB}: login delay: 60 s, mail stays: 30 days\n"
    assert done(*change, "--expire-days", "0", "--as-server").endswith(
        "delay: the server's, mail stays: until fetched\n"
    )
    assert done(*change, "--expire-days", "-1").endswith("mail stays: for good\n")
    assert shown(config)["pop3"] == {"login_delay": None, "expire_days": -1}
    assert done(*change, "--as-server") == done(*change) == f"{BOB}: {AS_SERVER.removeprefix('POP3: ')}\n"
    assert shown(config)["pop3"] == {"login_delay": None, "expire_days": None}


@pytest.mark.parametrize("wrong", [("--login-delay", "-1"), ("--login-delay", "86401"), ("--expire-days", "-2")])
def test_pop3_rules_have_bounds(config: str, wrong: tuple[str, str]) -> None:
    assert run("user", "pop3", BOB, *wrong, "--config", config).exit_code == 1
    assert shown(config)["pop3"] == {"login_delay": None, "expire_days": None}

"""What commands say when something is not as they need it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailsuite.cli.commands import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"MAILSUITE_CONFIG": None})


def refused(*arguments: str) -> str:
    """The one line of a command that fails with exit status 1."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("mailsuite: ").removesuffix("\n")


@pytest.fixture
def config(tmp_path: Path) -> str:
    assert run("init", str(tmp_path / "new one"), "--domain", "a.test").exit_code == 0
    return str(tmp_path / "new one" / "mailsuite.toml")


@pytest.mark.parametrize("what", ["user", "alias"])
def test_list_of_a_domain_that_is_not_here(config: str, what: str) -> None:
    assert refused(what, "list", "--domain", "nope.test", "--config", config) == "there is no domain nope.test here"
    assert run(what, "list", "--domain", "A.test", "--config", config).exit_code == 0


def test_missing_directory_is_not_to_be_made_by_init(config: str) -> None:
    path = Path(config).parent / "directory.sqlite"
    path.unlink()
    line = refused("user", "list", "--config", config)
    assert line == f"{path}: the directory is missing; restore it from a backup, or check paths.directory"


def test_config_check_warns_of_an_open_relay_and_calls_it_good(config: str) -> None:
    text = Path(config).read_text()
    Path(config).write_text(text.replace('trusted_networks = ["host"]', 'trusted_networks = ["0.0.0.0/0"]'))
    result = run("config", "check", config)
    assert (result.exit_code, result.stdout) == (0, f"{config}: good\n")
    assert result.stderr.startswith("warning: trusted_networks contain every IPv4 address: ")


def test_lines_to_copy_are_quoted_for_the_shell(tmp_path: Path) -> None:
    lines = run("init", str(tmp_path / "my mail"), "--domain", "a.test").stdout.splitlines()
    assert [shlex.split(line)[-1] for line in lines[1:]] == [str(tmp_path / "my mail" / "mailsuite.toml")] * 2


@pytest.mark.parametrize("width", [80])
@pytest.mark.parametrize("group", ["user", "alias", "domain", "queue", "config"])
def test_no_sentence_of_a_help_page_is_cut_off(group: str, width: int) -> None:
    text = CliRunner().invoke(cli, [group, "--help"], terminal_width=width).stdout
    assert "..." not in text.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("--config x queue list", "No such option '--config'; options come after the command"),
        ("queue list --hold", "see `mailsuite queue list --help`"),
        ("queue lits", "No such command 'lits'"),
        ("nothing", "No such command 'nothing'; see `mailsuite --help`"),
        ("queue reroute", "Missing argument 'VIA'; see `mailsuite queue reroute --help`"),
        ("queue stats --top 0", "Invalid value for '--top'"),
    ],
)
def test_a_command_that_is_written_wrongly_is_one_line_too(arguments: str, line: str) -> None:
    result = CliRunner().invoke(cli, arguments.split(), prog_name="mailsuite")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("mailsuite: ")
    assert line in result.stderr


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("a\nb", "a\\nb"), ("a\x1b[31mb", "a\\x1b[31mb"), ("a\udcffb", "a\\udcffb"), ("b\u00fccher", "b\u00fccher")],
)
@pytest.mark.parametrize("command", ["queue show {} --config {config}", "{}", "user remove {} --config {config}"])
def test_what_was_typed_is_one_line_in_errors(config: str, command: str, typed: str, shown: str) -> None:
    words = [word.format(typed, config=config) for word in command.split()]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert shown in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "queue bounce --all --words x\udcff",
        "queue list --error \udcff",
        "queue list --sender \udcff@x.y",
        "queue why \udcff",
        "queue show \udcff --raw",
        "queue reroute h\udcff --all",
        "track \udcff",
        "explain --from a@b.c --to \udcff@x.y",
        "queue list --config=\udcff",
        "\udcff",
    ],
)
def test_octets_that_are_no_text_are_one_line_too(arguments: str) -> None:
    assert refused(*arguments.split()).startswith("not UTF-8 text: '")


def test_words_beyond_ascii_are_text() -> None:
    assert refused("queue", "show", "--config", "/nowhere/ü.toml", "ü").startswith("/nowhere/ü.toml: ")

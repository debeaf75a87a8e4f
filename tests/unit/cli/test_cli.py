"""The commands as a person or a program calls them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailsuite.cli.commands import COMMANDS, cli
from mailsuite.cli.instance import find_config, open_records, queue_folder
from mailsuite.cli.user import parse_size, shown_size
from mailsuite.config.check import check
from mailsuite.config.load import load
from mailsuite.directory.passwords import verify_password
from mailsuite.errors import ConfigError, InvalidName
from mailsuite.services.lock import FolderLock
from mailsuite.testing.system_calls import SystemCalls

PASSWORD = "correct horse"


def run(*arguments: str, stdin: str | bytes = "", env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin, env={"MAILSUITE_CONFIG": None, **(env or {})})


def done(*arguments: str, stdin: str = "") -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str, stdin: str | bytes = "") -> str:
    """The one line of a command that fails with exit status 1."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("mailsuite: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("mailsuite: ").removesuffix("\n")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("instance") / "var"
    done("init", str(folder), "--domain", "a.test")
    return folder


@pytest.fixture
def config(template: Path, tmp_path: Path) -> str:
    """An instance of its own with the domain a.test."""
    subprocess.run(["cp", "-a", str(template), str(tmp_path / "var")], check=True)
    return str(tmp_path / "var" / "mailsuite.toml")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- init ----------------------------------------------------------------------------------------------------------


def test_init_makes_a_whole_instance_for_its_owner_only(config: str) -> None:
    settings = load(config)
    check(settings, config)
    assert settings.hostname == "mail.a.test"
    assert [one.port for one in settings.listeners] == [25, 587, 465, 995, 143, 993]
    assert not any(one.allow_plaintext_login for one in settings.listeners)
    folder = Path(config).parent
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
    assert modes == {
        "var": 0o700, "store": 0o700, "queue": 0o700, "spool": 0o700, "ca.pem": 0o644, "certificate.pem": 0o600,
        "key.pem": 0o600, "directory.sqlite": 0o600, "mailsuite.toml": 0o600,
    }  # fmt: skip


def test_demo_listens_on_loopback_at_base_plus_standard_port(tmp_path: Path) -> None:
    output = done("init", str(tmp_path / "d"), "--demo")
    settings = load(str(tmp_path / "d" / "mailsuite.toml"))
    check(settings, "mailsuite.toml")
    found = {(one.service.value, one.port, one.tls.value, one.allow_plaintext_login) for one in settings.listeners}
    assert found == {
        ("smtp", 2025, "starttls", True),
        ("submission", 2587, "starttls", True), ("submission", 2465, "implicit", False),
        ("pop3", 2110, "starttls", True), ("pop3", 2995, "implicit", False),
        ("imap", 2143, "starttls", True), ("imap", 2993, "implicit", False),
    }  # fmt: skip
    assert {one.address for one in settings.listeners} == {"127.0.0.1"}
    assert settings.trusted_networks == ("127.0.0.0/8", "::1")
    account, password = (tmp_path / "d" / "demo-password.txt").read_text().split()
    assert account == "demo@demo.test"
    assert password in output
    assert "demo@demo.test" in output
    assert stat.S_IMODE((tmp_path / "d" / "demo-password.txt").stat().st_mode) == 0o600


def test_demo_takes_domain_base_account_and_password(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    output = done(
        "init", str(folder), "--demo", "--domain", "b.test", "--port-base", "10000", "--account", "me",
        "--password-stdin", stdin="s3cr3t\n",
    )  # fmt: skip
    config = str(folder / "mailsuite.toml")
    assert load(config).listeners[0].port == 10025
    assert not (folder / "demo-password.txt").exists()
    assert "s3cr3t" not in output
    with open_records(config) as records:
        stored = records.look.stored("me@b.test")
    assert stored is not None
    assert verify_password(stored.password, "s3cr3t")


@pytest.mark.parametrize(
    ("arguments", "stdin", "line"),
    [
        (("--domain", "no domain"), "", "'no domain' is not a domain name"),
        (("--domain", "a.test", "--hostname", "x_y"), "", "'x_y' is not a domain name"),
        (("--demo", "--account", "a b"), "", "'a b@demo.test' cannot be an account"),
        (("--demo", "--port-base", "65000"), "", "the port base must be 0 to 64540"),
        (("--demo", "--port-base", "-1"), "", "the port base must be 0 to 64540"),
        (("--demo", "--password-stdin"), "", "there is no password on standard input"),
        (("--demo", "--password-stdin"), "\n", "the password must be one line of text, not empty"),
    ],
)
def test_init_that_is_refused_leaves_nothing(tmp_path: Path, arguments: tuple[str, ...], stdin: str, line: str) -> None:
    assert refused("init", str(tmp_path / "d"), *arguments, stdin=stdin).startswith(line)
    assert list(tmp_path.iterdir()) == []


def test_init_overwrites_nothing(config: str, tmp_path: Path) -> None:
    folder = Path(config).parent
    before = files(folder)
    assert "exists already; nothing was changed" in refused("init", str(folder), "--domain", "b.test")
    assert files(folder) == before
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "key.pem").write_text("mine")
    refused("init", str(tmp_path / "d"), "--demo")
    assert files(tmp_path / "d") == {"key.pem": b"mine"}


def test_init_that_breaks_in_the_middle_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device", "key.pem")

    (tmp_path / "lost+found").mkdir()
    monkeypatch.setattr("mailsuite.cli.create.make_self_signed", full_disk)
    assert refused("init", str(tmp_path), "--demo") == "key.pem: No space left on device"
    assert [path.name for path in tmp_path.iterdir()] == ["lost+found"]


def test_an_instance_is_durable_before_its_configuration_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = SystemCalls(monkeypatch.setattr, tmp_path)
    done("init", str(tmp_path / "a" / "b"), "--domain", "a.test")
    for folder in ("a", "a/b", "a/b/store", "a/b/queue", "a/b/spool"):
        made = calls.made.index(("mkdir", folder))
        assert calls.made[made + 1] == ("fsync", os.path.dirname(folder) or ".")
    configured = calls.made.index(("fsync", "a/b/mailsuite.toml"))
    assert calls.made[configured - 1 :][:3] == [("fsync", "a/b"), ("fsync", "a/b/mailsuite.toml"), ("fsync", "a/b")]


def test_init_needs_a_domain_or_demo(tmp_path: Path) -> None:
    for arguments in ((), ("--domain", "a.test", "--account", "x"), ("--domain", "a.test", "--password-stdin")):
        result = run("init", str(tmp_path / "d"), *arguments)
        assert result.exit_code == 1
        assert not (tmp_path / "d").exists()


# -- domains, users, aliases ---------------------------------------------------------------------------------------


def test_an_aliases_file_is_taken_over_whole_or_not_at_all(config: str, tmp_path: Path) -> None:
    own = ("--config", config)
    done("user", "add", "ann@a.test", "--password-stdin", *own, stdin=PASSWORD + "\n")
    (tmp_path / "list").write_text("ann\nfar@elsewhere.test\n")
    file = tmp_path / "aliases"
    file.write_text(f"root: ann\npostmaster: root\nall: :include:{tmp_path}/list\n")
    assert done("alias", "import", str(file), "--dry-run", *own) == f"would take over 3 alias(es) from {file}\n"
    assert json.loads(done("alias", "list", "--json", *own)) == []
    assert done("alias", "import", str(file), *own) == f"took over 3 alias(es) from {file}\n"
    taken = json.loads(done("alias", "list", "--json", *own))
    assert taken == [
        {"alias": "all@a.test", "targets": ["ann@a.test", "far@elsewhere.test"]},
        {"alias": "postmaster@a.test", "targets": ["root@a.test"]},
        {"alias": "root@a.test", "targets": ["ann@a.test"]},
    ]
    file.write_text("root: far@b.test\nbad: |/bin/x\nlost: nobody\nround: round2\nround2: round\nend: lost\n")
    result = run("alias", "import", str(file), *own)
    assert result.exit_code == 1
    assert [line.split(": ")[0] for line in result.stderr.splitlines()[:-1]] == [f"{file}:{n}" for n in (2, 3, 4, 5, 6)]
    assert "5 fault(s)" in result.stderr
    assert json.loads(done("alias", "list", "--json", *own)) == taken
    assert "took over 1 alias" in done("alias", "import", str(file), "--skip", *own)
    assert {"alias": "root@a.test", "targets": ["far@b.test"]} in json.loads(done("alias", "list", "--json", *own))


def test_domains_users_and_aliases_come_and_go(config: str) -> None:
    own = ("--config", config)
    assert done("domain", "add", "B.test", *own) == "added b.test\n"
    assert done("user", "add", "Alice@a.test", "--password-stdin", "--quota", "2G", *own, stdin=f"{PASSWORD}\n") == (
        "added alice@a.test\n"
    )
    assert done("alias", "add", "@b.test", "alice@a.test", "far@elsewhere.test", *own) == (
        "@b.test leads to alice@a.test, far@elsewhere.test\n"
    )
    assert json.loads(done("domain", "list", "--json", *own)) == [
        {"domain": "a.test", "accounts": 1, "aliases": 0},
        {"domain": "b.test", "accounts": 0, "aliases": 1},
    ]
    assert json.loads(done("user", "list", "--json", *own)) == [
        {"account": "alice@a.test", "quota_bytes": 2 << 30, "quota_messages": 0, "disabled": False}
    ]
    assert json.loads(done("user", "list", "--domain", "b.test", "--json", *own)) == []
    assert json.loads(done("alias", "list", "--json", *own)) == [
        {"alias": "@b.test", "targets": ["alice@a.test", "far@elsewhere.test"]}
    ]
    for listing, words in (
        ("domain", ("a.test", "b.test")),
        ("user", ("alice@a.test", "2 GiB")),
        ("alias", ("@b.test",)),
    ):
        table = done(listing, "list", *own)
        assert all(word in table for word in words)
    assert done("alias", "remove", "@b.test", "far@elsewhere.test", *own) == (
        "@b.test no longer leads to far@elsewhere.test\n"
    )
    result = run("user", "remove", "alice@a.test", *own)
    assert result.stdout == "removed alice@a.test\n"
    assert "still lead there: @b.test" in result.stderr
    assert done("alias", "remove", "@b.test", *own) == "removed @b.test\n"
    assert done("domain", "remove", "b.test", *own) == "removed b.test\n"


@pytest.mark.parametrize(
    "arguments", [("user", "add", "x@a.test"), ("user", "passwd", "bob@a.test"), ("init", "new", "--demo")]
)
def test_password_that_is_no_text_is_refused_in_one_line(config: str, arguments: tuple[str, ...]) -> None:
    done("user", "add", "bob@a.test", "--password-stdin", "--config", config, stdin=PASSWORD)
    own = () if arguments[0] == "init" else ("--config", config)
    assert refused(*arguments, "--password-stdin", *own, stdin=b"\xff\xfe long enough\n") == (
        "the password on standard input is not UTF-8 text"
    )


def test_who_cannot_be_asked_is_told_how_else_to_give_a_password(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.cli.options.has_terminal", lambda: False)
    assert refused("user", "add", "bob@a.test", "--config", config) == (
        "there is no terminal to ask for the password: give it with --password-stdin"
    )


def test_no_terminal_is_noticed() -> None:
    code = "from mailsuite.cli.options import has_terminal; raise SystemExit(has_terminal())"
    subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, start_new_session=True, check=True)


def test_quota_is_set_shown_and_lifted(config: str) -> None:
    own = ("--config", config)
    done("user", "add", "alice@a.test", "--password-stdin", *own, stdin=f"{PASSWORD}\n")
    assert done("user", "quota", "alice@a.test", *own) == "alice@a.test: no limit, messages: no limit\n"
    assert done("user", "quota", "Alice@A.test", "--bytes", "1G", "--messages", "10000", *own) == (
        "alice@a.test: 1 GiB, messages: 10000\n"
    )
    assert done("user", "quota", "alice@a.test", "--bytes", "512K", *own) == "alice@a.test: 512 KiB, messages: 10000\n"
    assert json.loads(done("user", "list", "--json", *own)) == [
        {"account": "alice@a.test", "quota_bytes": 512 << 10, "quota_messages": 10000, "disabled": False}
    ]
    assert all(word in done("user", "list", *own) for word in ("512 KiB", "10000"))
    assert done("user", "quota", "alice@a.test", "--bytes", "0", *own) == "alice@a.test: no limit, messages: 10000\n"


def test_person_types_a_password_twice_and_sees_nothing_of_it(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.cli.options.has_terminal", lambda: True)
    output = done("user", "add", "bob@a.test", "--config", config, stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in output
    done("user", "passwd", "bob@a.test", "--config", config, stdin="another one\nanother one\n")
    result = run("user", "passwd", "bob@a.test", "--config", config, stdin="one thing\nanother thing\n")
    assert result.exit_code == 1
    assert "do not match" in result.output


def left_mail(config: str) -> Path:
    """Mail in the folder of eve@a.test, who had an account once."""
    done("user", "add", "eve@a.test", "--password-stdin", "--config", config, stdin=PASSWORD)
    letter = Path(config).parent / "store" / "a.test" / "eve" / "Maildir" / "new" / "1"
    letter.parent.mkdir(parents=True)
    letter.write_text("for the first eve")
    told = done("user", "remove", "eve@a.test", "--config", config)
    folder = letter.parents[2]
    assert told == f"removed eve@a.test\nits mail stays in {folder}; delete it with: rm -r {folder}\n"
    return letter


def test_new_account_is_not_given_its_predecessors_mail_unasked(config: str) -> None:
    letter = left_mail(config)
    add = ("user", "add", "eve@a.test", "--password-stdin", "--config", config)
    assert refused(*add, stdin=PASSWORD).startswith(f"{letter.parents[2]} holds mail of an earlier eve@a.test: --keep")
    assert json.loads(done("user", "list", "--json", "--config", config)) == []
    assert done(*add, "--keep-mail", stdin=PASSWORD) == f"added eve@a.test, with the mail in {letter.parents[2]}\n"
    assert "exists already" in refused(*add, stdin=PASSWORD)
    assert letter.exists()


def test_mail_goes_with_its_account_when_a_person_says_yes_and_no_server_runs(config: str) -> None:
    letter = left_mail(config)
    done("user", "add", "eve@a.test", "--keep-mail", "--password-stdin", "--config", config, stdin=PASSWORD)
    remove = ("user", "remove", "eve@a.test", "--delete-mail", "--config", config)
    server = FolderLock(str(Path(config).parent / "queue"))
    assert refused(*remove, "--yes").startswith("the server is running")
    server.release()
    assert run(*remove, stdin="n\n").exit_code == 1
    assert letter.exists()
    assert len(json.loads(done("user", "list", "--json", "--config", config))) == 1
    assert done(*remove, "--yes") == "removed eve@a.test and its mail\n"
    assert not letter.parents[2].exists()
    assert (letter.parents[4]).is_dir()


@pytest.mark.parametrize(
    ("arguments", "stdin", "line"),
    [
        (("domain", "add", "A.TEST"), "", "the domain a.test exists already"),
        (("domain", "add", "a b"), "", "'a b' is not a domain name"),
        (("domain", "remove", "b.test"), "", "there is no domain b.test"),
        (("user", "add", "x@b.test", "--password-stdin"), PASSWORD, "there is no domain b.test here; `mailsuite"),
        (("user", "add", "x", "--password-stdin"), PASSWORD, "'x' is not an address"),
        (("user", "add", "x@a.test", "--password-stdin"), "short", "the password is too short: 8 characters at least"),
        (("user", "add", "x@a.test", "--password-stdin"), "", "there is no password on standard input"),
        (("user", "add", "x@a.test", "--quota", "much", "--password-stdin"), PASSWORD, "'much' is not a size"),
        (("user", "passwd", "x@a.test", "--password-stdin"), PASSWORD, "there is no account x@a.test"),
        (("user", "remove", "x@a.test"), "", "there is no account x@a.test"),
        (("user", "quota", "x@a.test", "--bytes", "1G"), "", "there is no account x@a.test"),
        (("user", "quota", "x@a.test", "--bytes", "1X"), "", "'1X' is not a size"),
        (("alias", "add", "x@a.test", "nobody@a.test"), "", "there is no account or alias nobody@a.test"),
        (("alias", "remove", "x@a.test"), "", "there is no alias x@a.test"),
    ],
)  # fmt: skip
def test_refused_command_is_one_line_and_changes_nothing(
    config: str, arguments: tuple[str, ...], stdin: str, line: str
) -> None:
    before = files(Path(config).parent)
    assert refused(*arguments, "--config", config, stdin=stdin).startswith(line)
    assert files(Path(config).parent) == before


# -- config and show -----------------------------------------------------------------------------------------------


def test_config_check_says_good_or_what_is_wrong(config: str) -> None:
    assert done("config", "check", config) == f"{config}: good\n"
    text = Path(config).read_text()
    Path(config).write_text(text.replace("port = 25\n", "port = 99999\n"))
    line = refused("config", "check", config)
    number = text[: text.index("port = 25\n")].count("\n") + 1
    assert line == f"{config}:{number}: [[listener]] no. 1, port = 99999: allowed is a whole number from 0 to 65535"


def test_config_print_shows_everything(config: str, tmp_path: Path) -> None:
    assert json.loads(done("config", "print", config, "--json"))["paths"]["store"] == str(tmp_path / "var" / "store")
    printed = tmp_path / "printed.toml"
    printed.write_text(done("config", "print", config))
    assert load(str(printed)) == load(config)
    assert "# " in done("config", "print", "--sample")


def test_show_knows_a_demos_password_while_it_holds(tmp_path: Path) -> None:
    config = str(tmp_path / "d" / "mailsuite.toml")
    first = done("init", str(tmp_path / "d"), "--demo")
    shown = json.loads(done("show", "--json", "--config", config))
    assert shown["account"] == "demo@demo.test"
    assert shown["password"] in first
    assert {"service": "smtp", "address": "127.0.0.1", "port": 2025, "tls": "starttls"} in shown["ports"]
    assert shown["password"] in done("show", "--config", config)
    done("user", "passwd", "demo@demo.test", "--password-stdin", "--config", config, stdin="a new password\n")
    assert json.loads(done("show", "--json", "--config", config))["password"] == ""


# -- finding the instance ------------------------------------------------------------------------------------------


def test_configuration_is_given_or_named_or_found(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MAILSUITE_CONFIG", raising=False)
    monkeypatch.setattr("mailsuite.cli.instance.PLACES", ("mailsuite.toml",))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no configuration: give --config FILE"):
        find_config()
    monkeypatch.chdir(tmp_path / "var")
    assert find_config() == "mailsuite.toml"
    assert queue_folder() == str(tmp_path / "var" / "queue")
    monkeypatch.setenv("MAILSUITE_CONFIG", "/named")
    assert find_config() == "/named"
    assert find_config("/given") == "/given"


def test_missing_configuration_is_one_line() -> None:
    assert (
        refused("user", "list", "--config", "/nowhere.toml")
        == "/nowhere.toml: cannot be read: No such file or directory"
    )


# -- help ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    group = [*getattr(command, "commands", {})]
    for arguments in ((name,), *((name, inner) for inner in group)):
        text = done(*arguments, "--help")
        assert f"mailsuite {' '.join(arguments)}" in text.partition("Options:")[0].partition("\n")[2], arguments


def test_help_does_not_load_the_server() -> None:
    code = (
        "import sys; from mailsuite.cli.commands import cli; cli(['--help'], standalone_mode=False); "
        "heavy = {'twisted', 'rich', 'cryptography', 'OpenSSL', 'argon2', 'sqlite3', 'msgspec'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert result.returncode == 0, result.stderr


# -- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "octets"),
    [("0", 0), ("123", 123), ("1K", 1024), ("500M", 500 << 20), ("2 GiB", 2 << 30), ("1tb", 1 << 40)],
)
def test_size_is_read(text: str, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "-1", "1.5G", "G", "1X", "9" * 16, "1 1"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_size(text)


@pytest.mark.parametrize(
    ("octets", "text"), [(0, "-"), (1000, "1000 B"), (1536, "1536 B"), (2048, "2 KiB"), (2 << 30, "2 GiB")]
)
def test_size_is_shown(octets: int, text: str) -> None:
    assert shown_size(octets) == text

"""Every fault is one line: file, key, value, what is allowed."""

# ruff: noqa: E501 - in a table, a case is a line

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.config.check import check, warnings
from mailsuite.config.load import load, parse
from mailsuite.config.schema import Listener, Service, Settings
from mailsuite.directory.database import create
from mailsuite.errors import ConfigError
from mailsuite.net.certificate import make_self_signed

GOOD = """\
hostname = "mail.a.test"
trusted_networks = ["127.0.0.0/8", "host", "subnet", "2001:db8::/32"]
[[listener]]
service = "smtp"
address = "127.0.0.1"
port = 2025
tls = "starttls"
[[listener]]
service = "imap"
address = "127.0.0.2"
port = 2143
[tls]
certificate = "certificate.pem"
key = "key.pem"
[limits]
recipients = 200
[smarthost]
host = "relay.a.test"
user = "me"
password_file = "password"
[retry]
waits = [60, 120]
[dns]
nameservers = ["127.0.0.1:5353"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create(str(tmp_path / "directory.sqlite"))
    made, other = (make_self_signed(["mail.a.test"], 2, time.time()) for _ in range(2))
    (tmp_path / "certificate.pem").write_bytes(made.certificate)
    (tmp_path / "key.pem").write_bytes(made.key)
    (tmp_path / "other.pem").write_bytes(other.key)
    (tmp_path / "locked.pem").write_bytes(
        load_pem_private_key(made.key, None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
        )
    )
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "short").write_text("short\n")
    (tmp_path / "short").chmod(0o600)
    return tmp_path


def fault(folder: Path, text: str) -> str:
    """The line, without the file it begins with."""
    file = folder / "mailsuite.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check(load(str(file)), str(file))
    line = str(caught.value)
    assert "\n" not in line
    spot, _, words = line.removeprefix(str(file)).partition(": ")
    assert re.fullmatch(r"(:\d+)?", spot)
    return words.replace(str(folder), "DIR")


def test_good_file_passes(folder: Path) -> None:
    (folder / "mailsuite.toml").write_text(GOOD)
    check(load(str(folder / "mailsuite.toml")), "mailsuite.toml")


@pytest.mark.parametrize(
    ("good", "bad", "near"),
    [
        ("recipients = 200", "recipients = 99", "recipients = 99"),
        ("recipients = 200", "recipeints = 200", "recipeints"),
        ("port = 2025", "prt = 2025", "prt"),
        ('hostname = "mail.a.test"', 'hostname = "mail a"', "mail a"),
        ("[limits]", "[limit]", "[limit]"),
    ],
)
def test_the_line_is_named(folder: Path, good: str, bad: str, near: str) -> None:
    file, text = folder / "mailsuite.toml", GOOD.replace(good, bad)
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check(load(str(file)), str(file))
    number = next(number for number, line in enumerate(text.splitlines(), 1) if near in line)
    assert str(caught.value).startswith(f"{file}:{number}: ")


CASES = [
    # shape
    ('hostname = "mail.a.test"\n', "", "hostname is missing: needed is a text of 1 to 253 characters"),
    ("port = 2143", "", "[[listener]] no. 2, port = 0: allowed is a whole number from 1 to 65535"),
    ("recipients = 200", "recipeints = 200", "limits.recipeints: there is no such key; did you mean recipients?"),
    ("[limits]", "[limit]", "limit: there is no such key; did you mean limits?"),
    ("port = 2025", "prt = 2025", "[[listener]] no. 1, prt: there is no such key; did you mean port?"),
    ("recipients = 200", 'recipients = "200"', 'limits.recipients = "200": allowed is a whole number from 100 to 50000'),
    ("recipients = 200", "recipients = 99", "limits.recipients = 99: allowed is a whole number from 100 to 50000"),
    ("port = 2025", "port = 0", "[[listener]] no. 1, port = 0: allowed is a whole number from 1 to 65535"),
    ("port = 2025", "port = 65536", "[[listener]] no. 1, port = 65536: allowed is a whole number from 0 to 65535"),
    ("port = 2025", "port = true", "[[listener]] no. 1, port = true: allowed is a whole number from 0 to 65535"),
    ('"imap"', '"imaps"', '[[listener]] no. 2, service = "imaps": allowed is "smtp", "submission", "lmtp", "imap" or "pop3"'),
    ('tls = "starttls"', "tls = 1", '[[listener]] no. 1, tls = 1: allowed is "none", "starttls" or "implicit"'),
    ("[60, 120]", "[60, 0]", "retry.waits no. 2 = 0: allowed is a number from 0.1 to 604800"),
    ("[60, 120]", "[]", "retry.waits = []: allowed is a list of 1 to 100 entries: each a number from 0.1 to 604800 (seconds)"),
    ("[60, 120]", "60", "retry.waits = 60: allowed is a list of 1 to 100 entries: each a number from 0.1 to 604800 (seconds)"),
    # names and addresses
    ('"mail.a.test"', '"mail_a"', "hostname = \"mail_a\": 'mail_a' is not a domain name"),
    ('"mail.a.test"', '"192.0.2.1"', "hostname = \"192.0.2.1\": '192.0.2.1' is not a domain name"),
    ('"127.0.0.1"\nport', '"localhost"\nport', '[[listener]] no. 1, address = "localhost": allowed is an IP address, or "*"'),
    ('"127.0.0.2"\nport = 2143', '"127.0.0.1"\nport = 2025', "[[listener]] no. 2, port = 2025: 127.0.0.1 has this port in [[listener]] no. 1 too"),
    ('"host"', '"hosts"', 'trusted_networks no. 2 = "hosts": allowed is an IP address, a network such as "192.0.2.0/24"'),
    ('"127.0.0.0/8"', '"127.0.0.1/8"', 'trusted_networks no. 1 = "127.0.0.1/8": allowed is an IP address, a network'),
    ('"127.0.0.1:5353"', '"ns.a.test"', 'dns.nameservers no. 1 = "ns.a.test": allowed is an IP address'),
    ("[dns]", '[relay]\nbind_address = "x"\n[dns]', 'relay.bind_address = "x": allowed is an IP address'),
    ("trusted_networks", 'local_domains = ["a b"]\ntrusted_networks', "local_domains no. 1 = \"a b\": 'a b' is not a domain name"),
    ("trusted_networks", 'postmaster = "me"\ntrusted_networks', "postmaster = \"me\": 'me' is not an address"),
    ('"relay.a.test"', '"relay a"', "smarthost.host = \"relay a\": 'relay a' is not a domain name"),
    ('"127.0.0.2"', '"192.0.2.77"', '[[listener]] no. 2, address = "192.0.2.77": this machine has no such address'),
    ("[dns]", '[relay]\nbind_address = "2001:db8::77"\n[dns]', 'relay.bind_address = "2001:db8::77": this machine has no such address'),
    # addresses
    ("[dns]", '[srs]\ndomain = "a b"\n[dns]', "srs.domain = \"a b\": 'a b' is not a domain name"),
    ("[dns]", '[srs]\ndomain = "a.test"\n[dns]', 'srs.secret_file = "": needed is a file with a secret'),
    ("[dns]", '[srs]\ndomain = "a.test"\nsecret_file = "none"\n[dns]', 'srs.secret_file = "DIR/none": the file cannot be read: No such file'),
    ("[dns]", '[srs]\ndomain = "a.test"\nsecret_file = "password"\n[dns]', 'srs.secret_file = "DIR/password": others can read or write it: chmod 600'),
    ("[dns]", '[srs]\ndomain = "a.test"\nsecret_file = "short"\n[dns]', 'srs.secret_file = "DIR/short": needed is a secret of at least 16 characters'),
    ("[dns]", '[verp]\nsenders = ["list"]\n[dns]', "verp.senders no. 1 = \"list\": 'list' is not an address"),
    ("[dns]", '[[transport]]\nway = "discard"\ndomains = ["a..b"]\n[dns]', "[[transport]] no. 1, domains no. 1 = \"a..b\": 'a..b' is not a valid domain name"),
    ("[dns]", '[[transport]]\nway = "discard"\nsenders = ["a.test"]\n[dns]', "[[transport]] no. 1, senders no. 1 = \"a.test\": 'a.test' is no sender: user@example.org"),
    ("[dns]", '[[schedule]]\nsenders = ["a.test"]\n[dns]', "[[schedule]] no. 1, senders no. 1 = \"a.test\": 'a.test' is no sender"),
    ("[dns]", '[[schedule]]\nlifetime = 0\n[dns]', "[[schedule]] no. 1, lifetime = 0: allowed is a number from 1 to 5184000"),
    ("[dns]", '[rewriting]\nmasquerade = ["!a b"]\n[dns]', "rewriting.masquerade no. 1 = \"!a b\": 'a b' is not a domain name"),
    ("[dns]", '[rewriting]\ngeneric = "none"\n[dns]', 'rewriting.generic = "DIR/none": the file cannot be read: No such file'),
    ("[dns]", '[rewriting]\ncanonical = "short"\n[dns]', "rewriting.canonical = \"DIR/short\": line 1: 'short' is not of the form"),
    ("[dns]", '[[backup]]\ndomains = ["b d"]\n[dns]', "[[backup]] no. 1, domains no. 1 = \"b d\": 'b d' is not a domain name"),
    ("[dns]", '[[backup]]\ndomains = []\n[dns]', "[[backup]] no. 1, domains = []: allowed is a list of 1 to 10000 entries"),
    ("[dns]", '[[backup]]\ndomains = [".b.test"]\nrecipients = "none"\n[dns]', '[[backup]] no. 1, recipients = "DIR/none": the file cannot be read'),
    ("[dns]", '[[backup]]\ndomains = [".b.test"]\nrecipients = "short"\n[dns]', "[[backup]] no. 1, recipients = \"DIR/short\": line 1: 'short' is not an address"),
    ("[dns]", '[[transport]]\nway = "error"\ntext = " "\n[dns]', '[[transport]] no. 1, text = " ": needed is what senders are told, because way is error'),
    ("[dns]", "[imap]\nmessage_limit = 999\n[dns]", "imap.message_limit = 999: allowed is 0, or at least 1000"),
    # TLS towards other servers
    ("[dns]", '[[tls_policy]]\ndomains = ["b d"]\ntls = "may"\n[dns]', "[[tls_policy]] no. 1, domains no. 1 = \"b d\": 'b d' is not a domain name"),
    ("[dns]", '[[tls_policy]]\ndomains = [".b.test"]\ntls = "verify"\nnames = ["x y"]\n[dns]', "[[tls_policy]] no. 1, names no. 1 = \"x y\": 'x y' is not a domain name"),
    ("[dns]", '[[tls_policy]]\ndomains = [".b.test"]\ntls = "require"\nnames = ["b.test"]\n[dns]', '[[tls_policy]] no. 1, names = ["b.test"]: only `verify` looks at names'),
    ("[dns]", '[relay]\nown_hosts = ["192.0.2.1", "a b"]\n[dns]', "relay.own_hosts no. 2 = \"a b\": 'a b' is not a domain name"),
    ("[dns]", '[relay]\nclient_key = "key.pem"\n[dns]', 'relay.client_certificate = "": certificate and key are needed together'),
    ("[dns]", '[relay]\nclient_certificate = "certificate.pem"\nclient_key = "other.pem"\n[dns]', 'relay.client_certificate = "DIR/certificate.pem": certificate and key cannot be used'),
    ("[dns]", '[relay]\nclient_certificate = "empty"\nclient_key = "key.pem"\n[dns]', 'relay.client_certificate = "DIR/empty": '),
    ("[dns]", '[relay]\nmta_sts_folder = "key.pem"\n[dns]', 'relay.mta_sts_folder = "DIR/key.pem": DIR/key.pem is not a folder'),
    # front doors
    ('"127.0.0.2"', '"unix:lmtp"', '[[listener]] no. 2, port = 2143: unix:DIR/lmtp has no port'),
    ('"127.0.0.2"\nport = 2143', '"unix:none/lmtp"', '[[listener]] no. 2, address = "unix:DIR/none/lmtp": there is no folder DIR/none'),
    ('"127.0.0.2"\nport = 2143', '"unix:key.pem"', '[[listener]] no. 2, address = "unix:DIR/key.pem": something else has this name, not a socket'),
    ('"127.0.0.2"\nport = 2143', '"unix:' + "x" * 108 + '"', '[[listener]] no. 2, address = "unix:DIR/' + "x" * 108 + '": a path of a Unix socket has at most 107 octets'),
    ('"127.0.0.2"\nport = 2143', '"unix:s"\ntls = "starttls"', '[[listener]] no. 2, tls = "starttls": a Unix socket never leaves this machine'),
    ('"127.0.0.2"\nport = 2143', '"unix:s"\nmode = "rw-"', '[[listener]] no. 2, mode = "rw-": allowed are octal permissions such as "0660"'),
    ('"127.0.0.2"\nport = 2143', '"unix:s"\nowner = "no-such-one"', '[[listener]] no. 2, owner = "no-such-one": this system has no such user'),
    ('"127.0.0.2"\nport = 2143', '"unix:s"\ngroup = "no-such-one"', '[[listener]] no. 2, group = "no-such-one": this system has no such group'),
    ("port = 2143", 'port = 2143\nmode = "0600"', '[[listener]] no. 2, mode = "0600": only a Unix socket of our own has this'),
    ('"127.0.0.2"\nport = 2143', '"systemd:"', '[[listener]] no. 2, address = "systemd:": needed is a name'),
    ('"127.0.0.2"', '"systemd:imap"', "[[listener]] no. 2, port = 2143: systemd:imap has no port"),
    ("port = 2143", 'port = 2143\nproxy_from = ["host", "lb"]', '[[listener]] no. 2, proxy_from no. 2 = "lb": allowed is an IP address, a network'),
    ("port = 2143", 'port = 2143\nxclient_from = ["host"]', '[[listener]] no. 2, xclient_from = ["host"]: imap has no XCLIENT'),
    ("port = 2143", "port = 2143\nconnections = 2001", "[[listener]] no. 2, connections = 2001: more than limits.connections = 2000"),
    # files
    ("[dns]", '[paths]\nstore = "/proc/x"\n[dns]', 'paths.store = "/proc/x": '),
    ('"certificate.pem"', '"gone.pem"', 'tls.certificate = "DIR/gone.pem": the file cannot be read: No such file or directory'),
    ('certificate = "certificate.pem"\nkey = "key.pem"', "", '[[listener]] no. 1, tls = "starttls": needs tls.certificate and tls.key'),
    ("port = 2143", 'port = 2143\nclient_ca = "certificate.pem"', '[[listener]] no. 2, client_ca = "DIR/certificate.pem": certificates are shown under TLS only'),
    ("port = 2143", 'port = 2143\ntls = "starttls"\nclient_ca = "gone.pem"', '[[listener]] no. 2, client_ca = "DIR/gone.pem": the file cannot be read'),
    ("port = 2143", 'port = 2143\ntls = "starttls"\nclient_ca = "key.pem"', '[[listener]] no. 2, client_ca = "DIR/key.pem": DIR/key.pem holds no certificates of authorities in PEM'),
    ("port = 2143", 'port = 2143\nmechanisms = ["PLAIN", "GSSAPI"]', '[[listener]] no. 2, mechanisms no. 2 = "GSSAPI": allowed is "EXTERNAL"'),
    ('key = "key.pem"', "", 'tls.key = "": certificate and key are needed together'),
    ('"certificate.pem"', '"key.pem"', 'tls.certificate = "DIR/key.pem": the file holds no certificate in PEM'),
    ('"key.pem"', '"other.pem"', 'tls.key = "DIR/other.pem": this is not the key of the certificate DIR/certificate.pem'),
    ('"key.pem"', '"password"', 'tls.key = "DIR/password": the file holds no private key in PEM without a passphrase'),
    ('"key.pem"', '"locked.pem"', 'tls.key = "DIR/locked.pem": the file holds no private key in PEM without a passphrase'),
    ("[dns]", '[[transport]]\nway = "host"\n[dns]', '[[transport]] no. 1, host = "": needed is a host'),
    ("[dns]", '[[transport]]\nway = "error"\nhost = "a.test"\n[dns]', '[[transport]] no. 1, host = "a.test": needed is a host'),
    (
        "[dns]",
        '[[transport]]\nway = "host"\nhost = "a.test"\nuser = "u"\n[dns]',
        '[[transport]] no. 1, password_file = "": needed is a file',
    ),
    (
        "[dns]",
        '[[transport]]\nway = "host"\nhost = "a.test"\nuser = "u"\npassword_file = "password"\n[dns]',
        '[[transport]] no. 1, tls = "may": needed is verify',
    ),
    # what can never be in an envelope
    ("[dns]", '[[transport]]\nway = "hold"\ndomains = ["@a.test"]\n[dns]', "[[transport]] no. 1, domains no. 1 = \"@a.test\": '@a.test' is not"),
    ("[dns]", '[[transport]]\nway = "hold"\ndomains = ["a b"]\n[dns]', "[[transport]] no. 1, domains no. 1 = \"a b\": 'a b' is not"),
    ("[dns]", '[[transport]]\nway = "hold"\nsenders = ["a@b c"]\n[dns]', "[[transport]] no. 1, senders no. 1 = \"a@b c\": 'b c' is not"),
    ("[dns]", '[[schedule]]\ndomains = ["*.test"]\n[dns]', "[[schedule]] no. 1, domains no. 1 = \"*.test\": '*.test' is not"),
    ('"password"', '"gone"', 'smarthost.password_file = "DIR/gone": the file cannot be read'),
    ('"password"', '"empty"', 'smarthost.password_file = "DIR/empty": the file is empty'),
    ('password_file = "password"', "", 'smarthost.password_file = "": needed is a file'),
    ("[dns]", '[paths]\nstore = "key.pem"\n[dns]', 'paths.store = "DIR/key.pem": DIR/key.pem is not a folder'),
    ("[dns]", '[paths]\nqueue = "key.pem/queue"\n[dns]', 'paths.queue = "DIR/key.pem/queue": DIR/key.pem is not a folder'),
    ("[dns]", '[paths]\ndirectory = "gone"\n[dns]', 'paths.directory = "DIR/gone": the file cannot be read'),
    ("[dns]", '[paths]\ndirectory = "key.pem"\n[dns]', 'paths.directory = "DIR/key.pem": DIR/key.pem: file is not a database'),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "line"), CASES)
def test_fault_is_told_in_one_line(folder: Path, good: str, bad: str, line: str) -> None:
    assert good in GOOD
    assert fault(folder, GOOD.replace(good, bad, 1)).startswith(line)


def test_a_backup_for_what_is_at_home_here_is_told(folder: Path) -> None:
    text = f'local_domains = ["a.test", "B.test"]\n{GOOD}[[backup]]\ndomains = [".b.test", "c.test"%s]\n'
    (folder / "c.toml").write_text(text % "")
    check(load(str(folder / "c.toml")), str(folder / "c.toml"))
    line = fault(folder, text % ', "b.TEST"')
    assert line.startswith('[[backup]] no. 1, domains no. 3 = "b.TEST": it is at home here, by local_domains no. 2')


@pytest.mark.parametrize(
    ("networks", "versions"),
    [
        ((), ""), (("host", "subnet", "10.0.0.0/8"), ""), (("0.0.0.0/0",), "4"), (("::/0", "10.0.0.0/8"), "6"),
        (("0.0.0.0/1", "128.0.0.0/1"), "4"), (("::/0", "0.0.0.0/0"), "46"),
    ],
)  # fmt: skip
def test_open_relay_is_warned_of(networks: tuple[str, ...], versions: str) -> None:
    lines = warnings(Settings(hostname="mail.a.test", listeners=(), trusted_networks=networks))
    assert [line.partition(":")[0] for line in lines] == [
        f"trusted_networks contain every IPv{version} address" for version in versions
    ]


def test_one_unix_socket_twice_is_told(folder: Path) -> None:
    twice = GOOD.replace('"127.0.0.1"\nport = 2025\ntls = "starttls"', '"unix:s"')
    twice = twice.replace('"127.0.0.2"\nport = 2143', '"unix:s"')
    line = '[[listener]] no. 2, address = "unix:DIR/s": [[listener]] no. 1 listens there already'
    assert fault(folder, twice) == line


@pytest.mark.parametrize("key", ["proxy_from", "xclient_from"])
def test_who_believes_everybody_is_warned(key: str) -> None:
    listener = Listener(Service.SMTP, "127.0.0.1", 25, **{key: ("host", "::/0")})
    (line,) = warnings(Settings(hostname="mail.a.test", listeners=(listener,)))
    assert line.startswith(f"[[listener]] no. 1, {key} contains every address")


def test_check_leaves_nothing_behind(folder: Path) -> None:
    (folder / "mailsuite.toml").write_text(GOOD)
    (folder / "store").mkdir()
    before = sorted(folder.rglob("*"))
    check(load(str(folder / "mailsuite.toml")), "mailsuite.toml")
    assert sorted(folder.rglob("*")) == before


def test_what_is_not_toml_is_told_with_its_line(folder: Path) -> None:
    assert fault(folder, GOOD.replace("port = 2025", "port = ")).startswith("not TOML: Invalid value (at line 6,")


def test_file_that_is_not_utf8_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "mailsuite.toml"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(str(file))
    file.write_bytes(b'hostname = "\xff"')
    with pytest.raises(ConfigError, match="octet 12 is not UTF-8"):
        load(str(file))
    file.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load(str(file))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "store").mkdir(mode=0o500)
    assert fault(folder, GOOD).startswith('paths.store = "DIR/store": the folder cannot be read and written')


keys = st.sampled_from(
    ["hostname", "listener", "tls", "limits", "port", "service", "retry", "waits", "x", "dns", "nameservers"]
)
values = st.recursive(
    st.one_of(st.integers(-5, 70000), st.booleans(), st.text(max_size=5), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.dictionaries(keys, values, max_size=4))
def test_any_wrong_shape_is_one_line(data: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in data.items())
    line = "f.toml: "
    try:
        parse(text, "f.toml")
    except ConfigError as error:
        line = str(error)
    assert re.match(r"f\.toml(:\d+)?: ", line)
    assert "\n" not in line


def toml(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return "'" + "".join(c for c in value if c.isalnum()) + "'"
        case _:
            return repr(value)


def test_a_password_that_everybody_can_read_is_warned_of(folder: Path) -> None:
    (folder / "mailsuite.toml").write_text(GOOD)
    settings = load(str(folder / "mailsuite.toml"))
    (folder / "password").chmod(0o644)
    assert warnings(settings) == [f"smarthost, password_file: others can read or write it: chmod 600 {folder}/password"]
    (folder / "password").chmod(0o640)
    assert warnings(settings) == []


def test_patterns_that_can_hold_pass(folder: Path) -> None:
    table = '[[transport]]\nway = "hold"\ndomains = [".a.test", "bücher.test", "[192.0.2.1]"]\nsenders = ["<>", "@a.test"]\n'
    (folder / "mailsuite.toml").write_text(GOOD + table)
    check(load(str(folder / "mailsuite.toml")), "mailsuite.toml")

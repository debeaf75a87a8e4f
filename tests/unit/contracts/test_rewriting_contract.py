"""What every IRewriting does, and what it gives: rewriting that changes nothing, the double, tables of files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.config.load import parse
from mailsuite.directory.address_map import parse as parse_map
from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.records import Records
from mailsuite.directory.rewriting import Masquerade, Rewriting
from mailsuite.errors import Temporary
from mailsuite.interfaces import IRewrites, IRewriting
from mailsuite.model import NULL_SENDER, Address, Client
from mailsuite.offload import Inline
from mailsuite.services.rewriting import rewriting
from mailsuite.testing.results import failure_of, result_of
from mailsuite.testing.rewriting import FixedRewriting
from mailsuite.unchanged import UNCHANGED

STRANGER = Client("192.0.2.1", 1, "smtp")
ANN, ANNA = Address("ann", "a.test"), Address("anna", "b.test")
TABLE = "ann@a.test anna@b.test\nroot admin\n"
CONFIG = """\
hostname = "mx.a.test"
default_domain = "a.test"
local_domains = ["c.test"]
[[listener]]
service = "smtp"
address = "127.0.0.1"
port = 2025
[rewriting]
"""
HEADER = b"From: ann@a.test\r\nSubject: x\r\n\r\n"

Make: TypeAlias = Callable[[Path], IRewriting]


def fixed(folder: Path) -> IRewriting:
    table = parse_map(TABLE, "/t", ["a.test"])
    return FixedRewriting(Rewriting([table], [table], [Masquerade(["b.test"])]))


def of_files(
    folder: Path, options: str = 'canonical = "t"\nmasquerade = ["b.test"]\n', seconds: float = 1e9
) -> IRewriting:
    write(folder / "t", TABLE)
    settings = parse(CONFIG + options, str(folder / "m.toml"))
    return rewriting(settings, Inline(), lambda: seconds)


def write(path: Path, text: str, mtime: float = 1e8) -> None:
    path.write_text(text, encoding="utf-8")
    os.utime(path, (mtime, mtime))


def now(tables: IRewriting) -> IRewrites:
    found = tables.now()
    return result_of(found) if isinstance(found, Deferred) else found


@pytest.fixture(params=[fixed, of_files, lambda folder: UNCHANGED], ids=["fixed", "files", "unchanged"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> IRewriting:
    return request.param(tmp_path)  # type: ignore[no-any-return]


def test_it_keeps_its_interfaces(tables: IRewriting) -> None:
    assert verifyObject(IRewriting, tables)
    assert verifyObject(IRewrites, now(tables))


def test_it_is_the_same_until_a_table_changes(tables: IRewriting) -> None:
    assert now(tables) is now(tables)


@pytest.mark.parametrize("address", [NULL_SENDER, Address("postmaster", ""), Address("x", "[192.0.2.1]")])
def test_what_no_table_can_name_is_left_alone(tables: IRewriting, address: Address) -> None:
    rewrites = now(tables)
    assert rewrites.sender(address) == rewrites.recipient(address) == address


def test_a_header_in_which_nothing_changes_is_the_same_object(tables: IRewriting) -> None:
    header = b"From: x@c.test\r\n\r\n"
    assert now(tables).header(header, STRANGER) is header


def test_tables_of_files_change_with_them(tmp_path: Path) -> None:
    clock = Clock()
    clock.advance(1e9)
    write(tmp_path / "t", TABLE)
    settings = parse(CONFIG + 'sender_canonical = "t"\n', str(tmp_path / "m.toml"))
    tables = rewriting(settings, Inline(), clock.seconds)
    assert now(tables).sender(ANN) == ANNA
    assert now(tables).recipient(ANN) == ANN
    write(tmp_path / "t", "ann@a.test other@b.test\n", 1e9)
    clock.advance(10)
    assert now(tables).sender(ANN) == Address("other", "b.test")
    write(tmp_path / "t", "no sense\n" * 2, 1e9 + 5)
    clock.advance(10)
    assert now(tables).sender(ANN) == Address("other", "b.test")


def test_a_table_that_never_could_be_read_is_told(tmp_path: Path) -> None:
    settings = parse(CONFIG + 'canonical = "none"\n', str(tmp_path / "m.toml"))
    found = rewriting(settings, Inline(), lambda: 1e9).now()
    assert isinstance(found, Deferred)
    assert "none" in str(failure_of(found, Temporary))


def test_names_without_a_domain_are_ours(tmp_path: Path) -> None:
    rewrites = now(of_files(tmp_path))
    for domain in ("a.test", "mx.a.test", "c.test"):
        assert rewrites.recipient(Address("root", domain)) == Address("admin", "a.test")
    assert rewrites.recipient(Address("root", "d.test")) == Address("root", "d.test")


def test_the_first_domain_of_the_directory_is_the_default(tmp_path: Path) -> None:
    create(str(tmp_path / "directory.sqlite"))
    with contextlib.closing(Database(str(tmp_path / "directory.sqlite"))) as database:
        Records(database, Lookups(database)).add_domain("first.test")
    write(tmp_path / "t", TABLE)
    settings = parse(CONFIG.replace("default_domain", "#") + 'canonical = "t"\n', str(tmp_path / "m.toml"))
    rewrites = now(rewriting(settings, Inline(), lambda: 1e9))
    for domain in ("first.test", "mx.a.test", "c.test"):
        assert rewrites.sender(Address("root", domain)) == Address("admin", "first.test")


@pytest.mark.parametrize(
    ("whose", "rewritten"),
    [
        ("ours", {"trusted", "user"}),
        ("all", {"trusted", "user", "stranger"}),
        ("none", set()),
    ],
)
def test_whose_headers_are_rewritten(tmp_path: Path, whose: str, rewritten: set[str]) -> None:
    rewrites = now(of_files(tmp_path, f'canonical = "t"\nheaders = "{whose}"\n'))
    clients = {
        "stranger": STRANGER,
        "trusted": msgspec.structs.replace(STRANGER, trusted=True),
        "user": msgspec.structs.replace(STRANGER, account="ann@a.test"),
    }
    assert {name for name, client in clients.items() if rewrites.header(HEADER, client) is not HEADER} == rewritten
    assert rewrites.sender(ANN) == ANNA  # the envelope in any case


def test_without_a_table_there_is_nothing_to_ask(tmp_path: Path) -> None:
    assert of_files(tmp_path, 'generic = "t"\n') is UNCHANGED

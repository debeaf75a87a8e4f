"""What every IQuotas does: the double, and the one of directory and store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.quotas import Quotas
from mailsuite.directory.records import Records
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.errors import NotFound, OverQuota
from mailsuite.interfaces import IQuotas
from mailsuite.model import INBOX, NO_FLAGS, Quota
from mailsuite.offload import Inline
from mailsuite.services.quotas import AccountQuotas
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.memory_store import EPOCH, MemoryStores
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.results import failure_of, result_of

ANN = "ann@example.org"
MESSAGE = b"Subject: x\r\n\r\n" + b"x" * 998 + b"\r\n"


def memory(folder: Path) -> tuple[IQuotas, Any]:
    stores = MemoryStores()
    return MemoryQuotas(stores), stores


def real(folder: Path) -> tuple[IQuotas, Any]:
    path = str(folder / "directory.sqlite")
    create(path)
    database = Database(path)
    records = Records(database, Lookups(database))
    records.add_domain("example.org")
    records.add_account(ANN, "a good long password")
    offload, clock = Inline(), Clock()
    clock.advance(EPOCH)
    stores = MaildirStores(str(folder), RealDisk(), offload, clock, "mail.example.org", Quotas(path))
    return AccountQuotas(path, stores, offload), stores


@pytest.fixture(params=[memory, real])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any]:
    make: Callable[[Path], tuple[IQuotas, Any]] = request.param
    return make(tmp_path)


def append(store: Any, folder: Path) -> Any:
    spool = Spool(str(folder), Inline())
    draft = spool.draft()
    draft.write(MESSAGE)
    return store.append(INBOX, [(draft, NO_FLAGS, 1_700_000_000.0)])


def test_is_an_iquotas(world: tuple[Any, Any]) -> None:
    assert verifyObject(IQuotas, world[0])


def test_counts_what_is_in_all_mailboxes(world: tuple[Any, Any], tmp_path: Path) -> None:
    quotas, stores = world
    store = result_of(stores.open(ANN))
    assert result_of(quotas.quota(ANN)) == Quota(0, 0)
    result_of(append(store, tmp_path))
    result_of(store.create("Copies", ""))
    result_of(store.copy(result_of(store.open(INBOX)), [1], "Copies", False))
    size = result_of(store.status(INBOX)).size
    assert result_of(quotas.quota(ANN)) == Quota(2 * size, 2)


def test_limits_hold_at_once(world: tuple[Any, Any], tmp_path: Path) -> None:
    quotas, stores = world
    store = result_of(stores.open(ANN))
    assert result_of(quotas.limit(ANN, 100_000, 1)) == Quota(0, 0, 100_000, 1)
    assert result_of(quotas.quota(ANN)) == Quota(0, 0, 100_000, 1)
    result_of(append(store, tmp_path))
    failure_of(append(store, tmp_path), OverQuota)
    result_of(quotas.limit(ANN, 0, 0))
    result_of(append(store, tmp_path))
    assert result_of(quotas.quota(ANN)).messages == 2


def test_says_whether_there_is_room(world: tuple[Any, Any], tmp_path: Path) -> None:
    quotas, stores = world
    store = result_of(stores.open(ANN))

    def room(octets: int) -> bool:
        answer = quotas.room(ANN, octets)
        return answer if isinstance(answer, bool) else result_of(answer)

    result_of(quotas.limit(ANN, 3000, 2))
    assert (room(0), room(3000), room(3001)) == (True, True, False)
    result_of(append(store, tmp_path))
    assert (room(1000), room(3000)) == (True, False)
    result_of(append(store, tmp_path))
    assert not room(0)


def test_knows_nobody_else(world: tuple[Any, Any]) -> None:
    quotas, _ = world
    failure_of(quotas.quota("eve@example.org"), NotFound)
    failure_of(quotas.limit("eve@example.org", 1, 1), NotFound)

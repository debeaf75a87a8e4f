from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from mailsuite.config.networks import trusted_networks
from mailsuite.errors import ConfigError
from mailsuite.queue.file import checked_id
from mailsuite.services.ids import message_ids
from mailsuite.services.lock import FolderLock
from mailsuite.services.trust import trusts


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("128.0.0.1", False),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::1", True),
        ("::2", False),
        ("2001:db8:1::1", True),
        ("fe80::1%eth0", True),
        ("fe81::1%eth0", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:11.1.2.3", False),
        ("", True),  # a Unix socket
        ("localhost", False),
        ("10.1.2.3.4", False),
    ],
)
def test_address_is_trusted_by_its_network(address: str, trusted: bool) -> None:
    words = ("127.0.0.0/8", "10.0.0.0/8", "::1", "2001:db8::/32", "fe80::/16")
    predicate = trusts(trusted_networks(words, ()))
    assert predicate(address) is trusted
    assert predicate(address) is trusted, "remembered"


def test_nobody_is_trusted_where_no_network_is_named() -> None:
    assert not trusts(())("127.0.0.1")


def test_ids_sort_by_time_fit_file_names_and_differ() -> None:
    now = [1_700_000_000.0]
    fresh = message_ids(lambda: now[0], random.Random(1))
    same_instant = [fresh() for _ in range(1000)]
    assert len(set(same_instant)) == 1000
    now[0] += 0.001
    later = fresh()
    assert later > max(same_instant)
    for one in (*same_instant, later):
        assert re.fullmatch("[0-9b-df-hj-np-tv-z]{16}", one)
        assert checked_id(one) == one
    now[0] = 9_999_999_999.0
    assert fresh() > later


def test_folder_is_locked_for_one_at_a_time(tmp_path: Path) -> None:
    folder = str(tmp_path / "queue")
    first = FolderLock(folder)
    with pytest.raises(ConfigError, match="another server is running on"):
        FolderLock(folder)
    first.release()
    FolderLock(folder).release()

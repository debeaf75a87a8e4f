"""Room in a mailbox, asked before a message comes."""

from __future__ import annotations

from maildir_site import ANN, MESSAGE, Site

from mailsuite.errors import InvalidName
from mailsuite.model import Account
from mailsuite.store.room import REMEMBERED
from mailsuite.testing.results import failure_of, result_of


def room(site: Site, octets: int = 0) -> bool:
    return result_of(site.stores.room(ANN, octets))


def test_octets_are_counted_with_what_is_there(site: Site) -> None:
    site.accounts[ANN] = Account(ANN, quota_bytes=1000)
    site.deliver()
    used = result_of(site.store().status("INBOX")).size
    assert used > len(MESSAGE)
    assert room(site, 1000 - used)
    assert not room(site, 1001 - used)


def test_a_message_of_unknown_size_does_not_fit_where_not_one_octet_does(site: Site) -> None:
    site.deliver()
    used = result_of(site.store().status("INBOX")).size
    site.accounts[ANN] = Account(ANN, quota_bytes=used)
    site.clock.advance(REMEMBERED)
    assert not room(site)
    site.accounts[ANN] = Account(ANN, quota_bytes=used + 1)
    assert room(site)


def test_messages_are_counted_in_all_mailboxes(site: Site) -> None:
    site.accounts[ANN] = Account(ANN, quota_messages=2)
    site.deliver()
    result_of(site.store().create("Other", ""))
    assert room(site)
    site.deliver(name="Other")
    assert not room(site)
    result_of(site.mailbox().expunge([1]))
    assert room(site)


def test_a_limit_that_is_new_counts_within_seconds(site: Site) -> None:
    assert room(site, 1 << 40)
    site.accounts[ANN] = Account(ANN, quota_bytes=10)
    site.clock.advance(REMEMBERED)
    assert not room(site, 11)


def test_asking_about_an_account_without_limits_touches_no_disk(site: Site) -> None:
    assert room(site)
    assert not (site.root / "store").exists()


def test_nobody_without_an_account_name_is_asked_about(site: Site) -> None:
    site.accounts["x"] = Account("x", quota_bytes=10)
    failure_of(site.stores.room("x", 1), InvalidName)


def test_that_an_account_has_no_limits_is_remembered_for_a_moment(site: Site) -> None:
    asked: list[str] = []

    class Asked(dict[str, Account]):
        def get(self, name: str, default: Account) -> Account:  # type: ignore[override]
            asked.append(name)
            return default

    site.accounts = Asked()
    assert room(site)
    assert room(site)
    assert asked == [ANN]

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.directory.expand import MOST_ENDS, MOST_STEPS, resolve
from mailsuite.errors import Temporary
from mailsuite.model import Forward, Local, Unknown


class Book:
    """Everything at ``a.test``."""

    def __init__(self, accounts: Sequence[str] = (), postmaster: str = "", **aliases: Sequence[str]) -> None:
        self.accounts = {f"{name}@a.test" for name in accounts}
        self.aliases = {f"{name}@a.test": [self._full(target) for target in to] for name, to in aliases.items()}
        self.postmaster = postmaster

    @staticmethod
    def _full(target: str) -> str:
        return target if "@" in target else f"{target}@a.test"

    def is_local(self, domain: str) -> bool:
        return domain == "a.test"

    def is_host(self, domain: str) -> bool:
        return domain == "mail.a.test"

    def default_domain(self) -> str:
        return "a.test"

    def has_account(self, name: str) -> bool:
        return name in self.accounts

    def targets_of(self, source: str) -> Sequence[str]:
        return self.aliases.get(source, ())

    def postmaster_of(self, domain: str) -> str:
        return self.postmaster


def accounts_of(book: Book, local: str) -> list[str]:
    found = resolve(book, local, "a.test")
    assert isinstance(found, Forward)
    return [account.account.partition("@")[0] for account in found.accounts]


def test_the_hosts_postmaster_that_stands_in_for_itself_is_nobody_and_no_endless_loop() -> None:
    assert resolve(Book(postmaster="postmaster@mail.a.test"), "postmaster", "mail.a.test") == Unknown()


def test_alias_that_names_its_own_account_keeps_a_copy() -> None:
    assert accounts_of(Book(["a", "b"], a=["a", "b"]), "a") == ["a", "b"]


def test_loop_comes_back_to_the_account_it_began_with() -> None:
    assert accounts_of(Book(["a"], a=["b"], b=["a"]), "a") == ["a"]


def test_alias_reached_twice_is_followed_once() -> None:
    book = Book(["d", "x"], a=["b", "c"], b=["d"], c=["d"], d=["x"])
    assert accounts_of(book, "a") == ["x"], "d is an alias here, although an account has its name"


def test_ladder_of_aliases_costs_its_length_not_its_paths() -> None:
    ladder = {f"{side}{step}": [f"a{step + 1}", f"b{step + 1}"] for step in range(30) for side in "ab"}
    book = Book(["a30", "b30"], **ladder)
    left = iter(range(1000))

    def is_local(domain: str) -> bool:
        assert next(left, None) is not None, "asked more often than there are aliases"
        return domain == "a.test"

    book.is_local = is_local  # type: ignore[method-assign]
    assert accounts_of(book, "a0") == ["a30", "b30"]


def test_target_that_is_gone_is_passed_over() -> None:
    assert accounts_of(Book(["b"], a=["gone", "b"]), "a") == ["b"]
    assert resolve(Book(a=["gone"]), "a", "a.test") == Unknown()


def test_detail_of_the_target_holds_where_the_address_had_none() -> None:
    book = Book(["box"], a=["box+Alias"])
    assert resolve(book, "a", "a.test") == Forward((Local("box@a.test", "Alias"),), ())
    assert resolve(book, "a+Own", "a.test") == Forward((Local("box@a.test", "Own"),), ())


def test_stand_in_for_postmaster_may_be_elsewhere() -> None:
    found = resolve(Book(postmaster="root@elsewhere.test"), "postmaster", "a.test")
    assert isinstance(found, Forward)
    assert [str(address) for address in found.addresses] == ["root@elsewhere.test"]


def test_postmaster_of_its_own_comes_before_the_stand_in() -> None:
    book = Book(["postmaster", "root"], postmaster="root@a.test")
    assert resolve(book, "postmaster", "a.test") == Local("postmaster@a.test")
    assert resolve(book, "PostMaster", "a.test") == Local("postmaster@a.test")


def test_stand_in_that_is_postmaster_itself_leads_nowhere() -> None:
    assert resolve(Book(postmaster="postmaster@a.test"), "postmaster", "a.test") == Unknown()


def test_too_long_a_chain_is_put_off_not_lost() -> None:
    chain = {f"n{number}": [f"n{number + 1}"] for number in range(MOST_STEPS + 2)}
    with pytest.raises(Temporary):
        resolve(Book(**chain), "n0", "a.test")
    short = {f"n{number}": [f"n{number + 1}"] for number in range(MOST_STEPS)}
    assert accounts_of(Book([f"n{MOST_STEPS}"], **short), "n0") == [f"n{MOST_STEPS}"]


def test_too_many_ends_are_put_off_not_lost() -> None:
    targets = [f"t{number}@elsewhere.test" for number in range(MOST_ENDS)]
    found = resolve(Book(a=targets), "a", "a.test")
    assert isinstance(found, Forward)
    assert len(found.addresses) == MOST_ENDS
    with pytest.raises(Temporary):
        resolve(Book(a=[*targets, "one-more@elsewhere.test"]), "a", "a.test")


names = st.sampled_from(["a", "b", "c", "d", "e", ""])


@settings(max_examples=200)
@given(
    st.dictionaries(names, st.lists(st.sampled_from(["a", "b", "c+x", "d", "e", "far@b.test"]), max_size=4)),
    st.sets(st.sampled_from(["a", "b", "c"])),
    st.sampled_from(["a", "c+y", "d", "nobody", "postmaster"]),
)
def test_any_tangle_of_aliases_ends_in_accounts_and_remote_addresses(
    aliases: dict[str, list[str]], accounts: set[str], local: str
) -> None:
    book = Book(sorted(accounts), **aliases)
    found = resolve(book, local, "a.test")
    if isinstance(found, Forward):
        assert found.accounts or found.addresses
        assert all(book.has_account(account.account) for account in found.accounts)
        assert len({account.account for account in found.accounts}) == len(found.accounts)
        assert all(address.domain != "a.test" for address in found.addresses)

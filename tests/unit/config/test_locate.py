"""Lines of a configuration file."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.config.locate import Path, lines
from mailsuite.config.sample import sample

TEXT = '''\
# [not] = "a table"
hostname = "a # b"   # [[comment]]
trusted_networks = [
    "10.0.0.0/8", # one, two
    "192.0.2.1", "192.0.2.2",

    '#]',
]
words = """
key = [ "no",
[no]
"""
  'odd key'.x = 1

[[listener]]
port = 25
[[listener]]
  port = 26
names = [["a", "b"], ["c"]]
inline = { a = 1, b = [1, 2] }
[listener.sub]
x = 1
[relay]
tls = "may"
literal = \'\'\'
[x]
\'\'\'
last = 2
'''

PLACES: list[tuple[Path, int]] = [
    (("hostname",), 2),
    (("trusted_networks",), 3),
    (("trusted_networks", 0), 4),
    (("trusted_networks", 1), 5),
    (("trusted_networks", 2), 5),
    (("trusted_networks", 3), 7),
    (("words",), 9),
    (("odd key", "x"), 13),
    (("listener", 0), 15),
    (("listener", 0, "port"), 16),
    (("listener", 1), 17),
    (("listener", 1, "port"), 18),
    (("listener", 1, "names", 1), 19),
    (("listener", 1, "inline"), 20),
    (("listener", 1, "sub", "x"), 22),
    (("relay",), 23),
    (("relay", "tls"), 24),
    (("relay", "literal"), 25),
    (("relay", "last"), 28),
]


@pytest.mark.parametrize(("path", "line"), PLACES, ids=[str(path) for path, _ in PLACES])
def test_each_key_and_entry_has_its_line(path: Path, line: int) -> None:
    tomllib.loads(TEXT)
    assert lines(TEXT)[path] == line


def test_nothing_else_has_one() -> None:
    found = lines(TEXT)
    assert not {key for path in found for key in path} & {"not", "no", "key", "comment"}
    assert ("trusted_networks", 4) not in found


def leaves(value: object, path: Path = ()) -> list[Path]:
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in leaves(inner, (*path, key))]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [one for at, inner in enumerate(value) for one in leaves(inner, (*path, at))]
    return [path]


def test_every_option_of_the_sample_is_found_on_its_line() -> None:
    text = sample()
    found, each = lines(text), text.splitlines()
    paths = leaves(tomllib.loads(text))
    assert len(paths) > 100
    for path in paths:
        assert each[found[path] - 1].startswith(f"{path[-1]} ="), path


@given(st.lists(st.text(alphabet="ab\"'#[]{},\\ \u00e4", max_size=8), max_size=5), st.integers(0, 3))
def test_strings_never_mislead_it(words: list[str], gap: int) -> None:
    quoted = [_basic(word) for word in words]
    text = "\n" * gap + "a = [" + ",\n".join(quoted) + "]\nb = 1\n"
    tomllib.loads(text)
    found = lines(text)
    assert found[("b",)] == gap + max(len(words), 1) + 1
    assert [found[("a", at)] for at in range(len(words))] == [gap + 1 + at for at in range(len(words))]


def _basic(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'

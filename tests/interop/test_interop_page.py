"""docs/interop.md names every program that the tests here use."""

from __future__ import annotations

from pathlib import Path

from clients import WAYS
from senders import COMPOSED, EXACT

PAGE = Path(__file__).parents[2] / "docs/interop.md"


def test_every_program_is_named() -> None:
    used = {way.program for way in (*EXACT.values(), *COMPOSED.values())} | {needed for needed, _ in WAYS.values()}
    page = PAGE.read_text(encoding="utf-8")
    assert {name for name in used if name and f"| {name} " not in page} == set()

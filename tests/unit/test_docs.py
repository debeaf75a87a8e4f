"""What the documentation names exists."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def rfc_rows() -> list[dict[str, str]]:
    with (ROOT / "docs/rfc.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("row", rfc_rows(), ids=lambda row: row["rfc"])
def test_rfc_row_names_tests_that_exist(row: dict[str, str]) -> None:
    assert row["status"] in ("Yes", "Partial", "No")
    tests = row["tests"].split()
    assert bool(tests) == (row["status"] != "No")
    assert [name for name in tests if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []

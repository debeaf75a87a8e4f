"""What the documentation names exists."""

from __future__ import annotations

import csv
import importlib
import re
from pathlib import Path

import pytest
from zope.interface.interface import InterfaceClass

from mailsuite import interfaces

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


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports them by their names alone, and takes the second for the first."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_every_change_of_imap4rev2_is_in_its_table_with_tests_that_exist() -> None:
    page = (ROOT / "docs/imap4rev2.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if re.match(r"\| \d", line)]
    assert [int(item) for item, *_ in rows] == list(range(1, 31))  # RFC 9051 Appendix E
    assert [name for *_, tests in rows for name in tests.split() if not (ROOT / name).exists()] == []


def seam_rows() -> dict[str, list[str]]:
    """Seam -> the other cells of its row in the table of docs/architecture.md."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `I")
    ]
    return {re.match(r"`(\w+)`", first)[1]: rest for first, *rest in rows}  # type: ignore[index]


SEAMS = [
    value
    for value in vars(interfaces).values()
    if isinstance(value, InterfaceClass) and value.__module__ == interfaces.__name__
]


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: seam.__name__)
def test_seam_has_its_classes_and_its_suite_in_the_table(seam: InterfaceClass) -> None:
    *columns, suite = seam_rows()[seam.__name__]
    for column in columns:
        for module, name in re.findall(r"`([\w.]+)\.(\w+)`", column):
            assert seam.implementedBy(getattr(importlib.import_module(f"mailsuite.{module}"), name))
    assert (ROOT / f"tests/unit/contracts/test_{suite}_contract.py").exists()


def test_every_class_behind_a_seam_is_in_the_table() -> None:
    told = {name for row in seam_rows().values() for cell in row for name in re.findall(r"`[\w.]+\.(\w+)`", cell)}
    written = {
        name
        for path in (ROOT / "mailsuite").rglob("*.py")
        for seams, name in re.findall(r"^@implementer\((.*)\)\nclass (\w+)", path.read_text(encoding="utf-8"), re.M)
        if {seam.strip() for seam in seams.split(",")} & {seam.__name__ for seam in SEAMS}
    }
    assert written == told

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mailsuite

ROOT = Path(mailsuite.__file__).parent


@pytest.mark.parametrize("package", sorted(ROOT.rglob("__init__.py")), ids=lambda path: str(path.parent.name))
def test_every_package_says_what_it_is(package: Path) -> None:
    words = ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")))
    assert words, package

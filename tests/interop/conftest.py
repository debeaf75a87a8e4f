"""Dovecot where it is compared with what we make of the same mail."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dovecot import LIBEXEC


@pytest.fixture(scope="module")
def imap() -> None:
    """Dovecot 2.3, or a skip."""
    version = ""
    if (LIBEXEC / "imap").exists() and shutil.which("dovecot"):
        version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("2.3."):
        assert not os.environ.get("MAILSUITE_REQUIRE_CLIENTS"), "Dovecot 2.3 is not installed"
        pytest.skip("Dovecot 2.3 is not installed")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Dovecot may use: it refuses to work as root."""
    made = Path(tempfile.mkdtemp(prefix="dovecot-"))
    yield made
    shutil.rmtree(made)

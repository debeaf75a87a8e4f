"""Are weaknesses of the pinned dependencies known?  ``python bench/audit.py`` (``make audit``) asks with pip-audit.

Exit status 0: none are known; 1: some are, and are listed; 2: nobody could be asked, or pip-audit is not there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

PINNED = Path(__file__).parent.parent / "etc/requirements.txt"
#: What pip-audit says where it reaches nobody.
_NO_NETWORK = re.compile(r"ConnectionError|Max retries|Could not connect|Name or service not known|timed? ?out")


def verdict(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """The exit status and what to say."""
    told = f"{done.stdout}{done.stderr}".strip()
    unknown = re.findall(r"^(\S+) +Dependency not found on PyPI and could not be audited", told, re.MULTILINE)
    if unknown and done.returncode == 0:
        return 2, f"nobody could be asked about {', '.join(unknown)}: the index that is used here does not know them"
    if done.returncode == 0:
        return 0, f"no weaknesses are known of what {PINNED.name} pins"
    if re.search(r"Found \d+ known vulnerabilit", told):
        return 1, told
    if _NO_NETWORK.search(told):
        return 2, "nobody could be asked: the list of weaknesses cannot be reached from here. Nothing was checked."
    return 2, f"nobody could be asked: pip-audit failed. Nothing was checked.\n{told[-2000:]}"


def main() -> int:
    if importlib.util.find_spec("pip_audit") is None:
        print("pip-audit is not installed (pip install '.[audit]'): nothing was checked", file=sys.stderr)
        return 2
    order = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        str(PINNED),
        "--no-deps",
        "--disable-pip",
        "--progress-spinner",
        "off",
    ]
    done = subprocess.run([*order, "--timeout", "15"], capture_output=True, text=True, check=False)
    status, words = verdict(done)
    print(words, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())

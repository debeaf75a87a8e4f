"""Are weaknesses of the pinned dependencies known?  Asks with pip-audit.

    python -m bench.audit [--requirements FILE] [--timeout SECONDS]          (or make audit)

Prints a line for each dependency with weaknesses: which they are, and what version mends them.
Example: ``python -m bench.audit --timeout 60``.

Whether there is a list of weaknesses at all is asked, too: an index that mirrors packages only knows of none, and its
silence means nothing.  Exit status 0: none are known; 1: some are, and are listed; 2: nobody could be asked, or
pip-audit is not there, or an argument is wrong.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.program import Arguments, count

PINNED = Path(__file__).parent.parent / "etc/requirements.txt"
#: Has weaknesses that everybody knows who keeps a list (CVE-2018-18074), and is none of ours.
PROBE, PROBE_VERSION = "requests", "2.19.0"
#: What pip-audit says where it reaches nobody.
_NO_NETWORK = re.compile(r"ConnectionError|Max retries|Could not connect|Name or service not known|timed? ?out")
NOTHING = "Nothing was checked."


def verdict(done: subprocess.CompletedProcess[str], pinned: Path = PINNED) -> tuple[int, str]:
    """The exit status and what to say."""
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        told = f"{done.stdout}{done.stderr}".strip()
        if _NO_NETWORK.search(told):
            return 2, f"nobody could be asked: the list of weaknesses cannot be reached from here. {NOTHING}"
        return 2, f"nobody could be asked: pip-audit failed. {NOTHING}\n{told[-2000:]}"
    probe = [each for each in answers if each["name"] == PROBE]
    ours = [each for each in answers if each["name"] != PROBE]
    if weak := [each for each in ours if each.get("vulns")]:
        return 1, "\n".join(f"{each['name']} {each['version']}: {_names(each)}" for each in weak)
    if unknown := [each["name"] for each in ours if "skip_reason" in each]:
        words = "nothing" if len(unknown) == len(ours) else "the rest only"
        return 2, f"the index that is used here does not know {', '.join(unknown)}: {words} was checked"
    if not any(each.get("vulns") for each in probe):
        return (
            2,
            f"whoever answered here knows of no weakness of {PROBE} {PROBE_VERSION} either, which has some. {NOTHING}",
        )
    return 0, f"no weaknesses are known of what {pinned.name} pins"


def _names(answer: dict[str, Any]) -> str:
    return ", ".join(
        f"{each['id']}, mended in {' or '.join(each.get('fix_versions') or ['no version'])}" for each in answer["vulns"]
    )


def main() -> int:
    parser = Arguments(__doc__)
    parser.add_argument("--requirements", type=Path, default=PINNED, metavar="FILE", help=f"(etc/{PINNED.name})")
    words = "for which each question waits for an answer (%(default)s)"
    parser.add_argument("--timeout", type=count, default=15, metavar="SECONDS", help=words)
    asked = parser.parse_args()
    if not asked.requirements.is_file():
        parser.error(f"there is no file {asked.requirements}")
    if importlib.util.find_spec("pip_audit") is None:
        print("pip-audit is not installed (pip install '.[audit]'): nothing was checked", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder:
        (probe := Path(folder) / "probe.txt").write_text(f"{PROBE}=={PROBE_VERSION}\n")
        files = [each for file in (asked.requirements, probe) for each in ("-r", str(file))]
        order = [sys.executable, "-m", "pip_audit", *files, "--no-deps", "--disable-pip", "--format", "json"]
        order += ["--progress-spinner", "off", "--timeout", str(asked.timeout)]
        done = subprocess.run(order, capture_output=True, text=True, check=False)
    status, words = verdict(done, asked.requirements)
    print(words, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())

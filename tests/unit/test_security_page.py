"""docs/security.md against what there is, and what no module of the server may do."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.abuse.attacks import TABLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
MODULES = sorted(path for path in (ROOT / "mailsuite").rglob("*.py") if path.relative_to(ROOT).parts[1] != "testing")
#: Reading objects from octets, running programs or text.
FORBIDDEN_MODULES = frozenset("pickle cPickle dill marshal shelve jsonpickle yaml subprocess pty code codeop".split())
FORBIDDEN_CALLS = frozenset("eval exec compile __import__ os.system os.popen os.execv tempfile.mktemp".split())
#: Who may have such a module all the same: it starts our own second process.
ALLOWED = {"mailsuite/disk/placer_process.py": {"subprocess"}}
#: Two forms of what the client itself has sent.
HARMLESS = {"mailsuite/directory/sqlite.py": ["password != sent"]}
#: Names of values that nobody may find out by how long a comparison takes.
SECRETS = re.compile(r"^(password|passphrase|secret|digest|hexdigest|mac|hmac|signature|proof|stored_key|server_key)$")


NAMED = sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE)))


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    """Those of a module, by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def expects_something(function: ast.FunctionDef, others: dict[str, ast.FunctionDef]) -> bool:
    """It asserts, waits for an exception, or calls what does, of its module or imported as a check."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if name in ("pytest.raises", "check", "failure_of"):
            return True
        if name in others and others[name] is not function and expects_something(others[name], {}):
            return True
    return False


@pytest.mark.parametrize("name", NAMED)
def test_tests_that_the_page_names_exist_and_expect_something(name: str) -> None:
    path, _, function = name.partition("::")
    if path.endswith(".txt"):
        assert re.search("(?m)^S\\d?[:~] ", (ROOT / path).read_text(encoding="utf-8"))
        return
    assert (ROOT / path).name.startswith("test_")
    there = functions(ROOT / path)
    wanted = [function] if function else [each for each in there if each.startswith("test_")]
    assert wanted
    for each in wanted:
        assert each.startswith("test_")
        assert expects_something(there[each], there), each


def test_a_test_that_expects_nothing_is_noticed() -> None:
    module = ast.parse(
        "def test_a():\n  helper()\ndef helper():\n  other()\ndef test_b():\n  with pytest.raises(X): y()"
    )
    there = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    assert [name for name in there if expects_something(there[name], there)] == ["test_b"]


def test_every_part_names_a_test() -> None:
    rows = [row for row in PAGE.partition("## By construction")[0].splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 15
    assert [row for row in rows if "`tests/" not in row.rpartition("|")[0].rpartition("|")[2]] == []


def test_the_table_of_abuse_is_that_of_the_program() -> None:
    told = dict(re.findall(r"^\| `(\w+)`: [^|]* \| ([^|]*) \|$", PAGE, re.MULTILINE))
    assert told == {case.name: case.bound for case in TABLE.values()}


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of the modules that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def called(tree: ast.AST) -> set[str]:
    """What is called by a name, or by the name of a module and one in it."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_runs_what_it_is_given(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert imported(tree) & FORBIDDEN_MODULES <= ALLOWED.get(str(path.relative_to(ROOT)), set())
    assert called(tree) & FORBIDDEN_CALLS == set()
    shells = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "shell"]
    assert shells == []


def compared(tree: ast.AST) -> list[str]:
    """Comparisons for equality of something that is called like a secret."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
            sides = [side for side in (node.left, *node.comparators) if not isinstance(side, ast.Constant)]
            names = [getattr(side, "attr", getattr(side, "id", "")) for side in sides]
            if len(sides) > 1 and any(SECRETS.match(name.lower().lstrip("_")) for name in names):
                found.append(ast.unparse(node))
    return found


def test_secrets_are_compared_in_constant_time() -> None:
    found = {
        str(path.relative_to(ROOT)): comparisons
        for path in MODULES
        if (comparisons := compared(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == HARMLESS


def test_a_comparison_of_secrets_is_noticed() -> None:
    assert compared(ast.parse("if proof == keys.stored_key: pass")) == ["proof == keys.stored_key"]
    assert compared(ast.parse("if password == '': pass")) == []


def pinned() -> dict[str, str]:
    lines = (ROOT / "etc/requirements.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): exact for name, exact in pairs}


def test_what_is_needed_is_pinned() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    exact = pinned()
    for line in setup["options"]["install_requires"].split("\n"):
        if line:
            wanted = Requirement(line)
            assert wanted.specifier.contains(exact[canonicalize_name(wanted.name)]), line


def test_pinned_is_what_may_be_installed_beside_each_other() -> None:
    known = [name for name in pinned() if version(name)]
    assert len(known) >= 20


def audited(*answers: dict[str, object], told: str = "") -> tuple[int, str]:
    """What the audit makes of answers of pip-audit, or of something else that it said."""
    audit = runpy.run_path(str(ROOT / "bench/audit.py"))
    done = subprocess.CompletedProcess([], 1, told or json.dumps({"dependencies": answers, "fixes": []}), "")
    verdict: tuple[int, str] = audit["verdict"](done)
    return verdict


WEAK = [{"id": "PYSEC-1", "fix_versions": ["9.9"], "aliases": [], "description": ""}]
SKIPPED = "Dependency not found on PyPI and could not be audited: idna (3.6)"
PROBE: dict[str, object] = {"name": "requests", "version": "2.19.0", "vulns": WEAK}
IDNA: dict[str, object] = {"name": "idna", "version": "3.6", "vulns": []}
RICH: dict[str, object] = {"name": "rich", "version": "14", "vulns": []}


def test_an_audit_says_what_is_known() -> None:
    assert audited(IDNA, RICH, PROBE) == (0, "no weaknesses are known of what requirements.txt pins")
    assert audited(IDNA | {"vulns": WEAK}, RICH, PROBE) == (1, "idna 3.6: PYSEC-1, mended in 9.9")


@pytest.mark.parametrize("skipped", [[IDNA], [IDNA, RICH]])
def test_an_audit_says_what_it_could_not_ask_about(skipped: list[dict[str, object]]) -> None:
    left = [each for each in (IDNA, RICH) if each not in skipped]
    status, words = audited(*left, *({"name": each["name"], "skip_reason": SKIPPED} for each in skipped), PROBE)
    assert status == 2
    assert all(str(each["name"]) in words for each in skipped)
    assert ("nothing was checked" in words) is (not left)


@pytest.mark.parametrize("probe", [PROBE | {"vulns": []}, {"name": "requests", "skip_reason": SKIPPED}])
def test_an_audit_does_not_believe_who_knows_of_no_weakness_at_all(probe: dict[str, object]) -> None:
    status, words = audited(IDNA, RICH, probe)
    assert status == 2
    assert "Nothing was checked" in words


@pytest.mark.parametrize(
    "told",
    [
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='pypi.org'): Max retries exceeded",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed",
        '{"something": "else"}',
    ],
)
def test_an_audit_that_could_not_ask_says_so(told: str) -> None:
    status, words = audited(told=told)
    assert status == 2
    assert "nobody could be asked" in words
    assert "Nothing was checked" in words

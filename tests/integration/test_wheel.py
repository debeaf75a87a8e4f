"""The wheel, in an environment of its own: it brings the command, the plugin and every module, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What a source distribution would hold: built from a copy, so that the checkout stays clean.
SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "mailsuite", "twisted")


def run(*command: str, cwd: Path) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
        else:
            shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), str(source), cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheel and, by a path file, the libraries of this one: but not this checkout, which
    an editable installation would add, so the modules can only come from the wheel."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(sys.executable, "-m", "venv", str(folder), cwd=ROOT.parent)
    (own,) = folder.glob("lib/python3*/site-packages")
    libraries = tmp_path_factory.mktemp("libraries")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if entry.suffix not in (".pth", ".egg-link") and not entry.name.startswith(
            ("twisted_mailsuite", "__editable__")
        ):
            (libraries / entry.name).symlink_to(entry)
    # Twisted itself is copied: the wheel puts its plugin beside Twisted's own.
    (libraries / "twisted").unlink()
    shutil.copytree(Path(sysconfig.get_paths()["purelib"]) / "twisted", own / "twisted")
    (own / "libraries.pth").write_text(f"{libraries}\n")
    run(str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel), cwd=folder)
    twistd = folder / "bin" / "twistd"
    twistd.write_text(f"#!{folder}/bin/python\nfrom twisted.scripts.twistd import run\nrun()\n")
    twistd.chmod(0o755)
    return folder


def test_wheel_holds_the_package_and_the_plugin_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "twisted/plugins/mailsuite_plugin.py" in names
    assert "mailsuite/py.typed" in names
    assert "mailsuite/imap/commands/__init__.py" in names
    assert [name for name in names if name.startswith("twisted/")] == ["twisted/plugins/mailsuite_plugin.py"]
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mailsuite", "twisted"}
    source = wheel.parent / "source"
    in_source = {str(path.relative_to(source)) for path in (source / "mailsuite").rglob("*.py")}
    assert in_source == {name for name in names if name.startswith("mailsuite/") and name.endswith(".py")}


def test_twistd_in_an_empty_folder_lists_mailsuite(environment: Path, tmp_path: Path) -> None:
    listed = run(str(environment / "bin" / "twistd"), "--help", cwd=tmp_path)
    assert "mailsuite" in listed
    assert list(tmp_path.iterdir()) == []


def test_installed_command_makes_an_instance_and_twistd_takes_it(environment: Path, tmp_path: Path) -> None:
    mailsuite = str(environment / "bin" / "mailsuite")
    run(mailsuite, "init", "d", "--demo", cwd=tmp_path)
    assert run(mailsuite, "config", "check", "d/mailsuite.toml", cwd=tmp_path) == "d/mailsuite.toml: good\n"
    assert "version" in run(mailsuite, "--version", cwd=tmp_path)
    where = run(str(environment / "bin" / "python"), "-c", "import mailsuite.tap as m; print(m.__file__)", cwd=tmp_path)
    assert where.startswith(str(environment))
    assert "--config" in run(str(environment / "bin" / "twistd"), "mailsuite", "--help", cwd=tmp_path)

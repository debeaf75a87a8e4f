"""The abuse table (bench/abuse) at modest size against a real process; ``python -m bench.abuse`` runs it in full.

A polite client has to be answered within a second all the while.  Where somebody else has the machine, too, he is not,
and it is no fault of ours: a case that failed for nothing else is run again, at most twice, and what the client waits
when there is no abuse is allowed for, four times, since the abuser takes his share of the machine as well.  Never more
than ``BUSY_WAIT``: a server that stalls for three seconds at each try is found on any machine, however busy it seems.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bench.abuse import __main__ as program
from bench.abuse import attack as attacker
from bench.abuse.attacks import TABLE
from bench.abuse.case import LONGEST_WAIT, Aim, Case
from bench.abuse.imap_input import is_strange
from bench.abuse.peer import Peer
from bench.abuse.run import Attacked, Outcome, aim_at, calm_wait, run
from bench.abuse.sent import Count, Sent
from bench.abuse.target import target
from mailsuite.testing.instance import Instance

#: Of the sizes that the cases say.
SCALE = 0.05
#: Seconds that a polite client may wait on the busiest machine.
BUSY_WAIT = 2.5


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with tempfile.TemporaryDirectory(prefix="abuse") as folder, target(Path(folder) / "server") as running:
        yield running


def tried(case: Case, instance: Instance) -> Outcome:
    """How the case ended at last; see above."""
    outcome = run(case, instance, SCALE)
    for _ in range(2):
        if outcome.wrong and all(" took " in each for each in outcome.wrong):
            outcome = run(case, instance, SCALE, min(LONGEST_WAIT + 4 * calm_wait(instance), BUSY_WAIT))
    return outcome


@pytest.mark.parametrize("name", TABLE)
def test_bound_holds_and_a_polite_client_is_served(name: str, instance: Instance) -> None:
    """Within a second, or a little more on a busy machine: see above."""
    outcome = tried(TABLE[name], instance)
    if outcome.skipped:
        pytest.skip(outcome.met)
    assert not outcome.wrong
    assert re.search("; sent [0-9].* on [0-9,]+ connections?$", outcome.met)


@pytest.mark.parametrize(("least", "status"), [(Sent(1, 100), 0), (Sent(1, 101), 1), (Sent(2, 100), 1)])
def test_a_case_that_sent_less_than_it_is_about_has_failed(
    least: Sent, status: int, instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def harmless(aim: Aim) -> str:
        with Peer(aim.ports["smtp"]) as peer:
            peer.send(b"x" * 100)
        return "nothing"

    monkeypatch.setitem(TABLE, "harmless", Case("harmless", "none", harmless, least))
    counted = Count()
    monkeypatch.setattr("bench.abuse.peer.COUNT", counted)
    monkeypatch.setattr("bench.abuse.attack.COUNT", counted)
    aim = msgspec.json.encode(aim_at(instance, SCALE)).decode()
    monkeypatch.setattr(sys, "argv", ["attack", "harmless", aim])
    assert attacker.main() == status
    told = capsys.readouterr()
    assert told.out == "nothing; sent 100 octets on 1 connection\n"
    words = f"no abuse: only 100 octets on 1 connection were sent, not {least}\n"
    assert told.err == (words if status else "")


def test_no_scale_makes_a_bomb_smaller_than_what_it_is_about(instance: Instance) -> None:
    aim = aim_at(instance, 0.01)
    assert (aim.sized(1000, 5), aim.sized(1000, 50)) == (10, 50)


def test_each_impossible_size_of_a_chunk_is_tried(instance: Instance) -> None:
    met = run(TABLE["chunks_of_nothing"], instance, 0.01).met
    assert re.findall(r"(\S+) '[45]\d\d", met) == ["99999999999999999999", "18446744073709551616", "-1", "LAST"], met


@pytest.mark.parametrize("calm", [0.0, 60.0])
def test_a_server_that_stalls_for_three_seconds_is_found(
    calm: float, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a polite client waited without it: the attack is that the whole process stands still."""

    def stall(*_: object) -> Attacked:
        time.sleep(0.1)  # the client is at work
        os.kill(instance.pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(instance.pid, signal.SIGCONT)
        return Attacked("")

    monkeypatch.setattr("bench.abuse.run.attack", stall)
    monkeypatch.setattr(sys.modules[__name__], "calm_wait", lambda instance: calm)
    (wait,) = tried(Case("stall", "none", lambda aim: "", Sent()), instance).wrong
    assert " took " in wait


def test_what_does_not_hold_is_told(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.abuse.run.MOST_MEMORY", 1 << 20)
    raises = Case("there_is_no_such_attack", "none", lambda aim: "", Sent())
    fault, memory, wait = run(raises, instance, SCALE, longest=0.0).wrong
    assert "KeyError: 'there_is_no_such_attack'" in fault
    assert memory.endswith(" MiB")
    assert " took " in wait


def test_a_case_that_goes_on_has_failed_and_the_next_runs(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def impatient(case: Case, instance: Instance, scale: float) -> object:
        return run(case, instance, scale, 20.0, 0.05 if case.name == "huge_dns_answers" else 60.0)

    monkeypatch.setattr(program, "run", impatient)
    assert program.table(["huge_dns_answers", "tag_of_a_megabyte"], instance, SCALE) == 1
    shown = capsys.readouterr().out
    assert re.search(
        "(?m)^huge_dns_answers +FAILED .*\n    the attack was not over after 0.05 s, and was ended$", shown
    )
    assert re.search("(?m)^tag_of_a_megabyte +held ", shown)


def test_a_case_that_ends_the_server_has_failed_and_the_next_finds_another(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fatal(*_: object) -> Attacked:
        os.kill(instance.pid, signal.SIGKILL)
        instance.wait_until(lambda: instance.ended() is not None, 10, "its end")
        return Attacked("killed it")

    monkeypatch.setattr("bench.abuse.run.attack", fatal)
    outcome = run(TABLE["tag_of_a_megabyte"], instance, SCALE)
    assert "the server ended, with status -9" in outcome.wrong
    assert instance.ended() is None


@pytest.mark.parametrize("wrong", ["0", "1e-9", "-1", "nan", "101", "much"])
def test_a_scale_that_is_none_is_refused_in_words(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["abuse", "--list", f"--scale={wrong}"])
    with pytest.raises(SystemExit) as how:
        program.main()
    assert how.value.code == 2
    told = capsys.readouterr().err
    assert f"argument --scale: from 0.01 to 100, not '{wrong}'" in told


def test_help_says_what_every_option_does() -> None:
    shown = program.arguments().format_help()
    assert shown.startswith("usage: python -m bench.abuse ")
    assert "Examples: ``python -m bench.abuse --list``" in shown
    assert all(action.help for action in program.arguments()._actions)


@pytest.mark.parametrize(
    ("path", "strange"),
    [
        ("store/demo.test/mallory/Maildir/.x/", False),
        ("store/demo.test/demo/Maildir/new/1.M2", False),
        ("store/demo.test/demo/Maildir/.x/", True),
        ("store/demo.test/mallory2/", True),
        ("store/x", True),
        ("queue/state/237vmv", False),
        ("queue/victim/", True),
        ("store/demo.test/demo/index.sqlite-wal", False),
        ("directory.sqlite-wal", False),
        ("etc/", True),
    ],
)
def test_what_a_climbing_name_leaves_is_told_from_what_the_server_makes(
    path: str, strange: bool, instance: Instance
) -> None:
    assert is_strange(path, aim_at(instance, SCALE)) is strange

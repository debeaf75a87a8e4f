"""The proof bites: a disk that ignores the fsyncs of any one place in the code loses something that is noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crash_proof import Proof, Recording
from crash_scenarios import SCENARIOS

#: Syncs of the journal for what nobody was promised: messages that a session saw are moved from ``new`` to ``cur``.
#: (That the next frame follows one that was never whole may be noticed.)
NOT_PROMISED = {"store/folder.move_claimed commit file"}


@pytest.fixture(scope="module")
def recordings(recorded: Callable[[str], Recording]) -> list[Recording]:
    return [recorded(each.name) for each in SCENARIOS if each.name != "without a journal"]


def noticed(recordings: list[Recording], dropped: frozenset[str], begin: Callable[..., Proof]) -> str:
    """What goes wrong first without these, in words.  Most shows right after an answer; then all moments are tried, and
    more of what each may leave."""
    concerned = [recording for recording in recordings if dropped & recording.sites]
    for whole, limit, go_on in ((False, 4, 0.0), (True, 4, 0.6), (True, 12, 0.6)):
        for recording in concerned:
            among = None if whole else [step.end for step in recording.steps]
            for failure in begin(1, limit=limit, off=(0.0,), go_on=go_on).failures(recording, dropped, among):
                return str(failure)
    return ""


def test_every_missing_fsync_is_noticed(recordings: list[Recording], proof: Callable[..., Proof]) -> None:
    sites = {site for recording in recordings for site in recording.sites if not site.startswith("elsewhere")}
    assert len(sites) > 20
    unnoticed = {site for site in sites if not noticed(recordings, frozenset({site}), proof)}
    assert unnoticed <= NOT_PROMISED

"""The end of sessions whose login counts no more."""

import pytest
from twisted.internet.task import Clock

from mailsuite.errors import Temporary
from mailsuite.net.logged_in import EVERY, LoggedIn
from mailsuite.testing.directory import MemoryDirectory

ANN, BOB = "ann@example.org", "bob@example.org"


class Session:
    """Counts how often it was told to go."""

    def __init__(self) -> None:
        self.dismissals = 0

    def dismiss(self) -> None:
        self.dismissals += 1


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.directory = MemoryDirectory(["example.org"], {ANN: "secret", BOB: "secret"})
        self.logged_in = LoggedIn(self.directory, self.clock)

    def enter(self, name: str) -> Session:
        session = Session()
        self.logged_in.enter(self.directory.accounts[name], session)
        return session


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    "change",
    [
        lambda directory: directory.set_password(ANN, "another"),
        lambda directory: directory.set_password(ANN, "secret"),
        lambda directory: directory.disabled.add(ANN),
        lambda directory: directory.remove(ANN),
    ],
)
def test_all_sessions_of_a_changed_account_end_and_no_others(world: World, change) -> None:  # type: ignore[no-untyped-def]
    first, second, other = world.enter(ANN), world.enter(ANN), world.enter(BOB)
    world.clock.advance(EVERY)
    assert (first.dismissals, second.dismissals, other.dismissals) == (0, 0, 0)
    change(world.directory)
    world.clock.advance(EVERY)
    assert (first.dismissals, second.dismissals, other.dismissals) == (1, 1, 0)


def test_a_login_with_the_new_password_stays(world: World) -> None:
    old = world.enter(ANN)
    world.directory.set_password(ANN, "another")
    new = world.enter(ANN)
    world.clock.advance(EVERY)
    assert (old.dismissals, new.dismissals) == (1, 0)


def test_a_directory_that_cannot_answer_ends_nobody(world: World) -> None:
    session = world.enter(ANN)
    world.directory.disabled.add(ANN)
    world.directory.fail(Temporary("busy"))
    world.clock.advance(EVERY)
    assert session.dismissals == 0
    world.clock.advance(EVERY)
    assert session.dismissals == 1


def test_no_timer_runs_without_sessions(world: World) -> None:
    session = world.enter(ANN)
    world.clock.advance(EVERY)
    world.logged_in.leave(ANN, session)
    world.logged_in.leave("", session)
    assert not world.clock.getDelayedCalls()
    world.enter(BOB)
    assert len(world.clock.getDelayedCalls()) == 1


def test_who_leaves_during_a_look_is_not_told(world: World) -> None:
    session = world.enter(ANN)
    world.directory.disabled.add(ANN)
    world.directory.hold()
    world.clock.advance(EVERY)
    world.logged_in.leave(ANN, session)
    world.directory.release()
    assert session.dismissals == 0
    assert not world.clock.getDelayedCalls()

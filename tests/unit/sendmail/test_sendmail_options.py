"""The options of sendmail, as programs write them."""

from __future__ import annotations

import pytest

from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.sendmail.options import Errors, Mode, Options, parse

SEND = [
    ("", Options()),
    ("a@b c", Options(recipients=("a@b", "c"))),
    ("-i -t", Options(dot_ends=False, from_header=True)),
    ("-oi -t", Options(dot_ends=False, from_header=True)),
    ("-ti", Options(dot_ends=False, from_header=True)),
    ("-f me@x you", Options(sender="me@x", recipients=("you",))),
    ("-fme@x you", Options(sender="me@x", recipients=("you",))),
    ("-f <> you", Options(sender="<>", recipients=("you",))),
    ("-r me you", Options(sender="me", recipients=("you",))),
    # Debian's cron
    (
        "-FCronDaemon -i -B8BITMIME -oem root",
        Options(full_name="CronDaemon", dot_ends=False, errors=Errors.MAIL, recipients=("root",)),
    ),
    # mutt
    (
        "-oem -oi -f me@x -- -odd you",
        Options(errors=Errors.MAIL, dot_ends=False, sender="me@x", recipients=("-odd", "you")),
    ),
    (
        "-N failure,delay -R hdrs -V id7 x",
        Options(notify=frozenset(("FAILURE", "DELAY")), ret="HDRS", envid="id7", recipients=("x",)),
    ),
    ("-Nnever x", Options(notify=frozenset(("NEVER",)), recipients=("x",))),
    ("-O DeliveryMode=queue x", Options(later=True, recipients=("x",))),
    ("-ODeliveryMode=b x", Options(recipients=("x",))),
    ("-odq -odb x", Options(recipients=("x",))),
    ("-oeq x", Options(errors=Errors.QUIET, recipients=("x",))),
    ("-OErrorMode=m x", Options(errors=Errors.MAIL, recipients=("x",))),
    ("-O IgnoreDots=True -v x", Options(dot_ends=False, verbose=True, recipients=("x",))),
    ("-Am -G -n -U -m -L tag -h 5 -o7 -oo -om -OTimeout.queuereturn=1d x", Options(recipients=("x",))),
    ("you -f me", Options(sender="me", recipients=("you",))),
    ("-C /etc/x -bm y", Options(config="/etc/x", recipients=("y",))),
    ("-bs", Options(mode=Mode.SMTP)),
    ("-bp", Options(mode=Mode.QUEUE)),
    ("-bi", Options(mode=Mode.ALIASES)),
    ("-bv x", Options(mode=Mode.VERIFY, recipients=("x",))),
    ("-q", Options(mode=Mode.FLUSH)),
    ("-q30m", Options(mode=Mode.FLUSH)),
    ("-qRexample.org", Options(mode=Mode.FLUSH, queue_recipient="example.org")),
    ("-qSme@x", Options(mode=Mode.FLUSH, queue_sender="me@x")),
    ("-qI237", Options(mode=Mode.FLUSH, queue_id="237")),
]  # fmt: skip


@pytest.mark.parametrize(("words", "options"), SEND, ids=[words for words, _ in SEND])
def test_what_programs_write_is_understood(words: str, options: Options) -> None:
    assert parse(words.split()) == options


@pytest.mark.parametrize(
    ("called", "mode"), [("sendmail", Mode.SEND), ("mailq", Mode.QUEUE), ("newaliases", Mode.ALIASES)]
)
def test_the_name_says_what_to_do(called: str, mode: Mode) -> None:
    assert parse([], called).mode is mode


def test_an_empty_sender_is_a_value_of_its_own() -> None:
    assert parse(["-f", "", "x"]).sender == ""


@pytest.mark.parametrize("words", ["-f", "-N often", "-N never,delay", "-R some", "-bd", "-bz", "-Z", "--flush", "-bq"])
def test_what_makes_no_sense_is_a_matter_of_usage(words: str) -> None:
    with pytest.raises(Stop) as stopped:
        parse(words.split())
    assert stopped.value.status is Exit.USAGE

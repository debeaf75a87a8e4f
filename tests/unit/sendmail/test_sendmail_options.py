"""The options of sendmail, as programs write them."""

from __future__ import annotations

import pytest

from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.sendmail.options import Mode, Options, parse
from mailsuite.sendmail.settings import Errors

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
    ("-OVerBose=no -oiTrue -oit x", Options(dot_ends=False, recipients=("x",))),
    ("-ov -oif -OFullName=Me x", Options(verbose=True, full_name="Me", recipients=("x",))),
    ("-od -odf -O DeliveryMode -OErrorMode=quiet x", Options(errors=Errors.QUIET, recipients=("x",))),
    ("-ODeliveryMode=deferred x", Options(later=True, recipients=("x",))),
    ("-Am -G -n -U -m -L tag -h 5 -o7 -o8 -oo -om x", Options(recipients=("x",))),
    (
        "-OTimeout.queuereturn=1d -O Nope=1 -oQ/x -o9 x",
        Options(recipients=("x",), ignored=("-OTimeout.queuereturn=1d", "-ONope=1", "-oQ/x", "-o9")),
    ),
    ("-f me -- -x@b", Options(sender="me", recipients=("-x@b",))),
    ("you -f me", Options(sender="me", recipients=("you",))),
    ("-C /etc/x -bm y", Options(config="/etc/x", recipients=("y",))),
    ("-bs", Options(mode=Mode.SMTP)),
    ("-bp", Options(mode=Mode.QUEUE)),
    ("-bi", Options(mode=Mode.ALIASES)),
    ("-I", Options(mode=Mode.ALIASES)),
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


NONSENSE = [
    ("-f", "option -f needs a value"),
    ("-N often", "-N often: `never`, or some of success,failure,delay"),
    ("-N never,delay", "-N never,delay: "),
    ("-R some", "-R some: full or hdrs"),
    ("-V ü", "-V ü: at most 100 printable characters of ASCII"),
    ("-V " + "x" * 101, "at most 100 "),
    ("-bd", "twistd mailsuite"),
    ("-bz", "there is no mode -bz here"),
    ("-bq", "there is no mode -bq here"),
    ("-Z", "-Z: there is no option -Z; see --help"),
    ("-x@b", "-x@b: there is no option -@; see --help; an address that begins with a dash stands behind --"),
    ("--flush", "there is no option --flush"),
    ("-O DeliveryMode=x", "DeliveryMode (-od) is i, b, q or d, not 'x'"),
    ("-odx", "DeliveryMode (-od) is i, b, q or d, not 'x'"),
    ("-OErrorMode=x", "ErrorMode (-e, -oe) is p, m, e, w or q, not 'x'"),
    ("-oe", "ErrorMode (-e, -oe) is p, m, e, w or q, not ''"),
    ("-e x", "ErrorMode (-e, -oe) is p, m, e, w or q, not 'x'"),
    ("-OIgnoreDots=perhaps", "true or false, not 'perhaps'"),
    ("-OVerbose=x", "true or false, not 'x'"),
]


@pytest.mark.parametrize(("words", "told"), NONSENSE, ids=[words for words, _ in NONSENSE])
def test_what_makes_no_sense_is_a_matter_of_usage(words: str, told: str) -> None:
    with pytest.raises(Stop) as stopped:
        parse(words.split())
    assert stopped.value.status is Exit.USAGE
    assert told in str(stopped.value)

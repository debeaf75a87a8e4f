"""The options of ``sendmail``, as programs have written them since the original: sendmail(8), sendmail(1) of Postfix.

What has no meaning here is accepted and passed over, so that no script breaks; what would start a server is refused.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence

import msgspec

from mailsuite.sendmail import settings
from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.sendmail.settings import Errors


class Mode(enum.Enum):
    """What it is to do (``-b``)."""

    SEND = "m"
    SMTP = "s"
    QUEUE = "p"
    ALIASES = "i"
    VERIFY = "v"
    FLUSH = "q"
    HELP = "--help"


class Options(msgspec.Struct, frozen=True):
    mode: Mode = Mode.SEND
    #: ``-f``: the envelope's sender as it was written; None: who calls.
    sender: str | None = None
    #: ``-F``
    full_name: str = ""
    #: ``-t``: the recipients stand in the header, too.
    from_header: bool = False
    #: A line with a dot alone ends the message (without ``-i``).
    dot_ends: bool = True
    verbose: bool = False
    #: ``-N``, RFC 3461's NOTIFY; ``-R``, RET; ``-V``, ENVID.
    notify: frozenset[str] = frozenset()
    ret: str = ""
    envid: str = ""
    errors: Errors = Errors.PRINT
    #: Not now: into the folder that the server looks through (``-odq``).
    later: bool = False
    #: ``-qI``, ``-qR``, ``-qS``: a part of the id, of a recipient, of the sender.
    queue_id: str = ""
    queue_recipient: str = ""
    queue_sender: str = ""
    #: ``-C``: the configuration file.
    config: str = ""
    #: Those of ``-o`` and ``-O`` that have no meaning here, as they were written.
    ignored: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


#: Options that take a value, in the same word or the next; those whose value can only be in the same word.
_WITH_VALUE = frozenset("ABCDFLMNOQRVXbefhopr")
_WITH_VALUE_ATTACHED = frozenset("dq")
_SWITCHES = frozenset("EGIJUacimnstvwx")
_DSN = frozenset(("NEVER", "SUCCESS", "FAILURE", "DELAY"))
#: Names under which it is called.
NAMES = {"sendmail": Mode.SEND, "mailq": Mode.QUEUE, "newaliases": Mode.ALIASES}


def parse(words: Sequence[str], called: str = "sendmail") -> Options:
    """``words`` follow the program's name, ``called`` (without its folder).  Raises Stop."""
    given: dict[str, object] = {"mode": NAMES.get(called, Mode.SEND)}
    recipients: list[str] = []
    ignored: list[str] = []
    for option, value in _options(words):
        if not option:
            recipients.append(value)
        elif not _taken(given, option, value):
            ignored.append(f"-{option}{value}")
    return Options(**given, ignored=tuple(ignored), recipients=tuple(recipients))  # type: ignore[arg-type]


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each option with its value; addresses as values of no option.  Addresses may stand before options, as getopt of
    the GNU library allows."""
    left = iter(words)
    for word in left:
        if word == "--":
            yield from (("", rest) for rest in left)
        elif word.startswith("--"):
            yield word, ""
        elif word.startswith("-") and len(word) > 1:
            yield from _in_word(word[1:], left)
        else:
            yield "", word


def _in_word(letters: str, left: Iterator[str]) -> Iterator[tuple[str, str]]:
    for at, letter in enumerate(letters, 1):
        if letter in _WITH_VALUE_ATTACHED:
            yield letter, letters[at:]
            return
        if letter in _WITH_VALUE:
            value = letters[at:] or next(left, None)
            if value is None:
                raise Stop(Exit.USAGE, f"option -{letter} needs a value")
            yield letter, value
            return
        if letter not in _SWITCHES:
            hint = "; an address that begins with a dash stands behind --" if "@" in letters else ""
            raise Stop(Exit.USAGE, f"-{letters}: there is no option -{letter}; see --help{hint}")
        yield letter, ""


def _taken(given: dict[str, object], option: str, value: str) -> bool:
    """False if it has no meaning here, and somebody may want to know."""
    match option:
        case "q":
            _take_queue(given, value)
        case "o":
            return settings.short(given, value)
        case "O":
            return settings.long(given, value)
        case _ if option in _MEANING:
            key, read = _MEANING[option]
            given[key] = read(value)
        case _ if option.startswith("--"):
            raise Stop(Exit.USAGE, f"there is no option {option}; see --help")
    return True


def _take_queue(given: dict[str, object], value: str) -> None:
    """``-q``: now, all or some; ``-q30m`` is for a server."""
    given["mode"] = Mode.FLUSH
    keys = {"I": "queue_id", "R": "queue_recipient", "S": "queue_sender"}
    if value[:1] in keys:
        given[keys[value[0]]] = value[1:]


def _mode(letter: str) -> Mode:
    """``-bq`` and the long options are none of sendmail's."""
    if letter in ("d", "D", "l"):
        raise Stop(Exit.USAGE, "the server is started with `twistd mailsuite --config FILE`")
    found = {one.value: one for one in (Mode.SEND, Mode.SMTP, Mode.QUEUE, Mode.ALIASES, Mode.VERIFY)}.get(letter)
    if found is None:
        raise Stop(Exit.USAGE, f"there is no mode -b{letter} here; see --help")
    return found


def _notify(value: str) -> frozenset[str]:
    found = frozenset(word.strip().upper() for word in value.split(","))
    if not found <= _DSN or ("NEVER" in found and len(found) > 1):
        raise Stop(Exit.USAGE, f"-N {value}: `never`, or some of success,failure,delay")
    return found


def _ret(value: str) -> str:
    found = {"FULL": "FULL", "HDRS": "HDRS", "HEADERS": "HDRS"}.get(value.upper())
    if found is None:
        raise Stop(Exit.USAGE, f"-R {value}: full or hdrs")
    return found


def _envid(value: str) -> str:
    """RFC 3461 §4.4: printable ASCII, 100 characters at most."""
    if not (value.isascii() and value.isprintable() and len(value) <= 100):
        raise Stop(Exit.USAGE, f"-V {value}: at most 100 printable characters of ASCII")
    return value


#: Option -> what it sets, and how its value is read.
_MEANING: dict[str, tuple[str, Callable[[str], object]]] = {
    "b": ("mode", _mode),
    "f": ("sender", str),
    "r": ("sender", str),
    "F": ("full_name", str),
    "t": ("from_header", lambda _: True),
    "i": ("dot_ends", lambda _: False),
    "v": ("verbose", lambda _: True),
    "N": ("notify", _notify),
    "R": ("ret", _ret),
    "V": ("envid", _envid),
    "C": ("config", str),
    "I": ("mode", lambda _: Mode.ALIASES),
    "e": ("errors", settings.errors),
    "--help": ("mode", lambda _: Mode.HELP),
}

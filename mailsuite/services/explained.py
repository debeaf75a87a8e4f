"""What would happen to an envelope, step by step: values, and where in the configuration the rule of each stands."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from mailsuite.config.locate import Path
from mailsuite.model import Account, Address


class Answer(enum.Enum):
    """What a step says."""

    YES = "ok"
    NO = "no"
    LATER = "later"
    #: Nothing was decided: something that is good to know.
    NOTE = "note"


class Asked(msgspec.Struct, frozen=True):
    """An envelope, and who would bring it.  ``client`` is an IP address, empty for a Unix socket; ``login`` as a user
    would write it, empty for none; ``size`` in octets, 0 if it is not told."""

    sender: Address
    recipients: tuple[Address, ...]
    client: str = "192.0.2.1"
    login: str = ""
    service: str = "smtp"
    size: int = 0


class Step(msgspec.Struct, frozen=True):
    """``stage`` is a word such as ``recipient``, ``about`` an address or a host, ``rule`` the option or entry that
    decided, ``where`` its ``FILE:LINE`` or what it stands in."""

    stage: str
    about: str
    answer: Answer
    words: str
    rule: str = ""
    where: str = ""


class Rules:
    """The options of a configuration file, with their lines."""

    def __init__(self, path: str, lines: Mapping[Path, int]) -> None:
        self._path = path
        self._lines = lines

    def step(self, stage: str, about: str, answer: Answer, words: str, *path: str | int) -> Step:
        """Decided by the option or entry at ``path``."""
        return Step(stage, about, answer, words, spelled(path), self.place(path))

    def place(self, path: Path) -> str:
        """``FILE:LINE``, that of the table above if it has none; its default stands in no line."""
        if path in self._lines:
            return f"{self._path}:{self._lines[path]}"
        if len(path) > 1 and isinstance(path[-1], str) and isinstance(path[-2], int) and path[:-1] in self._lines:
            return f"{self._path}:{self._lines[path[:-1]]} (default)"
        return f"{self._path} (default)"


def spelled(path: Path) -> str:
    """``listener[0].port``"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Usage(msgspec.Struct, frozen=True):
    """What an account has: its limits, and what it keeps; ``known``: the running server has said so."""

    account: Account
    octets: int = 0
    messages: int = 0
    known: bool = False

    def has_room(self, size: int) -> bool:
        account = self.account
        return not (
            (account.quota_bytes and self.octets + size > account.quota_bytes)
            or (account.quota_messages and self.messages + 1 > account.quota_messages)
        )

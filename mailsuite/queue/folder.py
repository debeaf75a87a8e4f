"""Reads, sweeps and clears the queue's folders.  Blocking: runs inside ``IOffload``."""

from __future__ import annotations

import contextlib
import os.path
from typing import Any

import msgspec

from mailsuite.errors import Corrupt, Temporary
from mailsuite.interfaces import IDisk
from mailsuite.model import Pending, Queued
from mailsuite.queue.file import (
    FIRST_READ,
    HEAD_LIMIT,
    Head,
    Places,
    State,
    decode_head,
    decode_state,
    queued_from,
    untouched,
)
from mailsuite.queue.intake import Stored


class Shared:
    """What is the same in many messages is kept once: a queue of a hundred thousand is mostly repetition."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def queued(self, queued: Queued) -> Queued:
        """The same with strings and addresses that other messages have, too."""
        once = self._known.setdefault
        envelope = queued.envelope
        sender = once(envelope.sender, envelope.sender)
        own = {recipient.address: recipient for recipient in envelope.recipients}
        pending = tuple(
            Pending(
                own.get(entry.recipient.address, entry.recipient),
                entry.attempts,
                once(entry.last_status, entry.last_status),
                once(entry.last_text, entry.last_text),
                once(entry.last_host, entry.last_host),
                entry.due,
            )
            for entry in queued.pending
        )
        return msgspec.structs.replace(
            queued, envelope=msgspec.structs.replace(envelope, sender=sender), pending=pending
        )


class Folder:
    """The files of one queue."""

    def __init__(self, places: Places, disk: IDisk) -> None:
        self._places = places
        self._messages, self._states = places.messages, places.state
        self._disk = disk

    def message(self, id: str) -> str:
        """The path of a message."""
        return f"{self._messages}/{id}"

    def state(self, id: str) -> str:
        """The path of its state, which need not exist."""
        return f"{self._states}/{id}"

    def read(self, sweep: bool) -> tuple[list[Stored], list[str]]:
        """Every message, and one line about each file that had to be set aside.  The folders are made."""
        places = self._places
        for folder in (places.messages, places.state, places.tmp, places.corrupt):
            self._disk.make_folder(folder)
        problems: list[str] = []
        names = [name for name in self._disk.list_folder(places.messages) if not name.startswith(".")]
        states = frozenset(self._disk.list_folder(places.state))
        share = Shared()
        stored = []
        for name in sorted(names):
            one = self._read_one(name, name in states, share, problems)
            if one is not None:
                stored.append(one)
        if sweep:
            self._sweep(set(names))
        return stored, problems

    def _read_one(self, name: str, has_state: bool, share: Shared, problems: list[str]) -> Stored | None:
        try:
            head, offset = self._read_head(name)
        except Temporary as error:  # the file may be good: it stays for the next start
            problems.append(f"{error}; left where it is")
            return None
        except Corrupt as error:
            problems.append(f"{error}; {self._set_aside(self.message(name))}")
            if has_state:
                self._set_aside(self.state(name), ".state")
            return None
        except FileNotFoundError:  # done with since the folder was listed
            return None
        state = self._read_state(name, head, problems) if has_state else untouched(head)
        return Stored(share.queued(queued_from(head, state)), offset)

    def _read_head(self, name: str) -> tuple[Head, int]:
        path = self.message(name)
        length = FIRST_READ
        while True:
            data = self._disk.read_part(path, 0, length)
            found = decode_head(path, data)
            if found is not None:
                return found
            if len(data) < length or length >= HEAD_LIMIT:
                raise Corrupt(f"{path}: no envelope with an empty line behind it")
            length *= 8

    def _read_state(self, name: str, head: Head, problems: list[str]) -> State:
        """Without a readable state everyone is due again: twice is better than never."""
        path = self.state(name)
        try:
            return decode_state(path, self._disk.read(path))
        except FileNotFoundError:
            pass
        except Temporary as error:
            problems.append(f"{error}; every recipient of {name} is tried again")
        except Corrupt as error:
            problems.append(f"{error}; every recipient of {name} is tried again; {self._set_aside(path, '.state')}")
        return untouched(head)

    def _set_aside(self, path: str, suffix: str = "") -> str:
        """Move a file where it disturbs nobody; the words for the log."""
        target = os.path.join(self._places.corrupt, os.path.basename(path) + suffix)
        try:
            self._disk.rename(path, target)
            self._disk.sync_folder(self._places.corrupt)
        except (OSError, Temporary) as error:
            return f"could not be set aside: {error}"
        return f"set aside as {target}"

    def _sweep(self, known: set[str]) -> None:
        """Remove what a crash left: messages that never arrived, states of messages that are gone."""
        left = [os.path.join(self._places.tmp, name) for name in self._disk.list_folder(self._places.tmp)]
        left += [self.state(name) for name in self._disk.list_folder(self._places.state) if name not in known]
        for path in left:
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(path)

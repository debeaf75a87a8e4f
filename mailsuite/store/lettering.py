"""The two keyword files of one mailbox, and with them what the letters of its file names stand for.

What a name or an answer is to depend on is written down before.  Needs the account's lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from mailsuite.interfaces import IDisk
from mailsuite.model import SYSTEM_FLAGS, Flags
from mailsuite.steps import Put, Step
from mailsuite.store.flags import spelled
from mailsuite.store.keywords import FILE, FORWARDED, MORE_FILE, Keywords, More


class Lettering:
    """Of the mailbox in ``folder``; ``read`` comes first."""

    def __init__(self, disk: IDisk, folder: str) -> None:
        self._disk = disk
        self.folder = folder
        self.keywords = Keywords()
        self.more = More()

    def read(self) -> None:
        """Both files, which need not be there; ``Corrupt``."""
        self.keywords = Keywords.parse(self._octets_of(FILE), os.path.join(self.folder, FILE))
        self.more = More.parse(self._octets_of(MORE_FILE), os.path.join(self.folder, MORE_FILE))

    def _octets_of(self, file: str) -> bytes:
        try:
            return self._disk.read(os.path.join(self.folder, file))
        except FileNotFoundError:
            return b""

    def flags_of(self, uid: int, letters: str) -> Flags:
        flags = self.keywords.flags(letters)
        return flags | self.more.by_uid[uid] if uid in self.more.by_uid else flags

    def flags_of_many(self, uids: Iterable[int], letters: Sequence[str]) -> list[Flags]:
        """In step."""
        if self.more.by_uid:
            return list(map(self.flags_of, uids, letters))
        known = {each: self.keywords.flags(each) for each in set(letters)}
        return list(map(known.__getitem__, letters))

    def learn(self, flags: Flags) -> None:
        """Give letters to the keywords among these."""
        if self.keywords.learn(flags):
            self._disk.replace(os.path.join(self.folder, FILE), self.keywords.dump())

    def spelled(self, flags: Flags) -> Flags:
        """Each once, in the spelling that the mailbox knows."""
        return spelled(flags, sorted(self.known, reverse=True)) if flags.difference(SYSTEM_FLAGS) else flags

    def put_more(self, keywords: Mapping[int, Flags]) -> list[Step]:
        """UID -> keywords that have no letter; what is to be committed for that."""
        changed = [self.more.put(uid, names) for uid, names in keywords.items()] if keywords else ()
        return [Put(os.path.join(self.folder, MORE_FILE), self.more.dump())] if any(changed) else []

    def letters_for(self, uid: int, flags: Flags) -> str:
        """The letters for the name of a new file; what has none is written down."""
        flags = self.spelled(flags)
        self.learn(flags)
        letters, more = self.keywords.letters(flags)
        if steps := self.put_more({uid: more}):
            self._disk.commit(steps)
        return letters

    @property
    def known(self) -> tuple[str, ...]:
        """All keywords that messages may have here, for FLAGS."""
        return tuple(dict.fromkeys((*self.keywords.names, FORWARDED, *sorted(self.more.names))))

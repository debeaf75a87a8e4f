"""``mailsuite alias import``: what was read from an aliases file goes into the directory, all of it or what can."""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.directory.aliases_file import AliasesFile, Fault
from mailsuite.directory.lookup import Alias
from mailsuite.directory.records import Records
from mailsuite.errors import Temporary, TooBig

#: Octets of one file; a longer one is no list of addresses.
_LARGEST = 16 * 1024 * 1024


def read_text(path: str) -> str:
    """Raises Temporary, TooBig."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise Temporary(f"{path} cannot be read: {error.strerror}") from error
    if len(text) > _LARGEST:
        raise TooBig(f"{path} has more than {_LARGEST} characters")
    return text


def take_over(records: Records, found: AliasesFile, skip: bool, dry_run: bool) -> tuple[int, Sequence[Fault]]:
    """How many aliases were written, and what is wrong with the others.  Without ``skip`` all or none."""
    places = {entry.source: entry.place for entry in found.entries}
    wanted = [Alias(entry.source, entry.targets) for entry in found.entries]
    faults = list(found.faults)
    while wanted:
        why = records.import_aliases(wanted, dry_run or bool(faults and not skip))
        faults += [Fault(places[source], text) for source, text in why.items()]
        if not why or not skip:
            break
        wanted = [one for one in wanted if one.source not in why]  # others may have led to these
    return len(wanted), sorted(faults, key=lambda fault: (fault.place.file, fault.place.line))

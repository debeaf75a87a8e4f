"""What an option says about itself: description, bounds, unit.  Written next to its type in ``config.schema``."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

#: A file or folder; relative ones start at the folder of the configuration file.
Path: TypeAlias = str


class TlsMode(enum.Enum):
    """When TLS begins: never, when the client asks (STARTTLS, STLS), or with the first octet."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


def about(description: str) -> msgspec.Meta:
    """An option whose type says all that is allowed."""
    return msgspec.Meta(description=description)


def number(low: float, high: float, description: str, unit: str = "") -> msgspec.Meta:
    """A number in a closed range; ``unit`` is the word that follows it."""
    return msgspec.Meta(ge=low, le=high, description=description, extra_json_schema={"unit": unit} if unit else None)


def length(low: int, high: int, description: str, unit: str = "") -> msgspec.Meta:
    """A text or list whose length is in a closed range; ``unit`` is that of a list's numbers."""
    extra = {"unit": unit} if unit else None
    return msgspec.Meta(min_length=low, max_length=high, description=description, extra_json_schema=extra)

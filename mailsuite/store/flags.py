"""Flag sets and what STORE does to them (RFC 9051 §2.3.2, §6.4.6): pure functions on frozen values."""

from __future__ import annotations

from collections.abc import Iterable

from mailsuite.model import SYSTEM_FLAGS, FlagOp, Flags

_SYSTEM = {flag.lower(): flag for flag in SYSTEM_FLAGS}


def canonical(flags: Flags) -> Flags:
    """System flags in the standard's spelling; ``\\Recent`` and backslash flags nobody defined are dropped."""
    kept = (_SYSTEM.get(flag.lower(), "") if flag.startswith("\\") else flag for flag in flags)
    return frozenset(flag for flag in kept if flag)


def spelled(flags: Flags, there: Iterable[str]) -> Flags:
    """Each once, and as one of ``there`` where that differs in case alone (RFC 3501 §9, note 1)."""
    spelling = {flag.lower(): flag for flag in (*sorted(flags, reverse=True), *there)}
    return frozenset(spelling[flag.lower()] for flag in flags)


def apply(op: FlagOp, old: Flags, flags: Flags) -> Flags:
    """The flags after ``op``; names are compared without case, the spelling that is there stays."""
    named = {flag.lower() for flag in flags}
    had = {flag.lower() for flag in old}
    if op is FlagOp.REMOVE:
        return frozenset(flag for flag in old if flag.lower() not in named)
    fresh = frozenset(flag for flag in flags if flag.lower() not in had)
    if op is FlagOp.ADD:
        return old | fresh
    return frozenset(flag for flag in old if flag.lower() in named) | fresh


def has(flags: Flags, wanted: str) -> bool:
    """Whether ``wanted`` is among them, without case."""
    if wanted in flags:
        return True
    wanted = wanted.lower()
    return any(flag.lower() == wanted for flag in flags)

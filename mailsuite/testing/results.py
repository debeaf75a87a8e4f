"""Looks into Deferreds without a reactor: what it gave, or what it failed with, right now."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

_T = TypeVar("_T")


def result_of(deferred: Deferred[_T] | Coroutine[Any, Any, _T] | _T) -> _T:
    """What the Deferred fired with, or an answer that is none; raises what it failed with; AssertionError if it has
    not fired."""
    if not isinstance(deferred, Deferred | Coroutine):
        return deferred
    seen: list[object] = []
    if isinstance(deferred, Coroutine):
        deferred = Deferred.fromCoroutine(deferred)
    deferred.addBoth(seen.append)
    if not seen:
        raise AssertionError("the Deferred has not fired")
    if isinstance(seen[0], Failure):
        seen[0].raiseException()
    return seen[0]  # type: ignore[return-value]


def failure_of(deferred: Deferred[Any] | Coroutine[Any, Any, Any], kind: type[BaseException]) -> BaseException:
    """The error it failed with, which must be a ``kind``."""
    try:
        result = result_of(deferred)
    except kind as error:
        return error
    raise AssertionError(f"fired with {result!r}, not with a {kind.__name__}")


def unfired(deferred: Deferred[Any]) -> bool:
    """Whether it is still waiting."""
    return not deferred.called

"""What comes after an answer that is often there at once: no Deferred is made where none is waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from twisted.internet.defer import Deferred

_T = TypeVar("_T")
_P = ParamSpec("_P")


def then(
    answer: _T | Deferred[_T], go_on: Callable[Concatenate[_T, _P], object], *args: _P.args, **kwargs: _P.kwargs
) -> Deferred[object] | None:
    """``go_on(answer, ...)``, now or when the answer comes: a Deferred only in the latter case, or where ``go_on``
    itself waits for something."""
    if isinstance(answer, Deferred):
        return answer.addCallback(go_on, *args, **kwargs)
    result = go_on(answer, *args, **kwargs)
    return result if isinstance(result, Deferred) else None

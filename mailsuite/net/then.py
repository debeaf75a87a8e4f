"""What comes after an answer that is often there at once: no Deferred is made where none is waited for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

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


def at_once(
    work: Coroutine[Deferred[Any], Any, None], waits: Callable[[], None] = lambda: None
) -> Deferred[object] | None:
    """Do the work; a Deferred only if it waits for something, which ``waits`` hears first.  Raises what the work raises
    before it waits."""
    try:
        waited_for = work.send(None)
    except StopIteration:
        return None
    waits()
    return Deferred.fromCoroutine(_rest(work, waited_for))


def _rest(
    work: Coroutine[Deferred[Any], Any, None], waited_for: Deferred[Any]
) -> Generator[Deferred[Any], object, None]:
    while True:
        try:
            result = yield waited_for
        except GeneratorExit:  # nobody waits any more: as ``yield from`` does (PEP 380)
            work.close()
            raise
        except BaseException as error:
            step = partial(work.throw, error)
        else:
            step = partial(work.send, result)
        try:
            waited_for = step()
        except StopIteration:
            return

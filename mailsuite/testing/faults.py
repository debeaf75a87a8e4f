"""Doubles' methods that answer at once, or fail as a test planned."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred, fail, succeed

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Faulty(Protocol):
    def check(self, method: str) -> None: ...


_F = TypeVar("_F", bound=Faulty)


def answers(work: Callable[Concatenate[_F, _P], _T]) -> Callable[Concatenate[_F, _P], Deferred[_T]]:
    """What the method returns or raises, as a Deferred that has fired."""

    def call(self: _F, /, *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        try:
            self.check(work.__name__)
            return succeed(work(self, *args, **kwargs))
        except Exception as error:
            return fail(error)

    functools.update_wrapper(call, work)
    return call


class Faults:
    """Errors that calls are told to fail with."""

    def __init__(self) -> None:
        self._planned: dict[str, list[Exception]] = {}

    def plan(self, method: str, *errors: Exception) -> None:
        self._planned.setdefault(method, []).extend(errors)

    def check(self, method: str) -> None:
        if errors := self._planned.get(method):
            raise errors.pop(0)

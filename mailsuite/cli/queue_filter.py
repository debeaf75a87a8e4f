"""Which messages a command means: ids, or what is known of them, as options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mailsuite.cli.options import quoted
from mailsuite.errors import InvalidName
from mailsuite.model import EVERYTHING, Selection
from mailsuite.smtp.address import AddressError, parse_mailbox

_F = TypeVar("_F", bound=Callable[..., Any])

_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(s|min|m|h|d)?")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}


def _span(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """``90``, ``10m``, ``4h``, ``2d`` as seconds."""
    found = _SPAN.fullmatch(value.strip().lower())
    if found is None:
        raise click.BadParameter(f"{quoted(value)} is no age: 30m, 4h, 2d")
    return float(found[1]) * _SECONDS[found[2]]


def _is_given(value: str, context: click.Context, parameter: click.Parameter) -> bool:
    """An empty value would mean all: it is a script's variable that nobody has set."""
    source = context.get_parameter_source(parameter.name or "")
    if not value and source is not ParameterSource.DEFAULT:
        raise click.BadParameter("it is empty, which would mean all; leave the option out for that")
    return bool(value)


def _domain(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """As the queue has it: in lower case and ``xn--`` form."""
    if not _is_given(value, context, parameter):
        return ""
    try:
        return parse_mailbox(f"x@{value}").domain
    except AddressError:
        below = ", with --subdomains those below it too" if value.startswith(".") else ""
        raise click.BadParameter(f"{quoted(value)} is no domain: example.org{below}") from None


def _recipient(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not _is_given(value, context, parameter):
        return ""
    try:
        return str(parse_mailbox(value))
    except AddressError:
        raise click.BadParameter(f"{quoted(value)} is no address: bob@example.org; --domain is for all") from None


def _sender(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not _is_given(value, context, parameter) or value == "<>":
        return value
    try:
        found = parse_mailbox(f"x{value}" if value.startswith("@") else value)
    except AddressError:
        raise click.BadParameter(f"{quoted(value)} is no sender: ann@example.org, @example.org, or '<>'") from None
    return f"@{found.domain}" if value.startswith("@") else str(found)


def _error(context: click.Context, parameter: click.Parameter, value: str) -> str:
    return value if _is_given(value, context, parameter) else ""


def filter_options(command: _F) -> _F:
    """``[ID]...`` and options, handed on as ``ids`` and the keywords of ``selection``."""
    for option in (
        click.option("--not-held", "not_held", is_flag=True, help="Only what is not held."),
        click.option("--held", is_flag=True, help="Only what is held."),
        click.option(
            "--error",
            default="",
            callback=_error,
            metavar="TEXT",
            help="Part of what was said last (`greylist`, `4.7.1`).",
        ),
        click.option(
            "--younger", callback=_span, default="0", metavar="AGE", help="Arrived less than that ago: 30m, 4h."
        ),
        click.option("--older", callback=_span, default="0", metavar="AGE", help="Arrived at least that long ago."),
        click.option("--subdomains", is_flag=True, help="With --domain: those below it, too."),
        click.option("--domain", default="", callback=_domain, help="Domain of a recipient that waits."),
        click.option("--recipient", default="", callback=_recipient, metavar="ADDRESS", help="A recipient that waits."),
        click.option("--sender", default="", callback=_sender, metavar="ADDRESS", help="user@domain, @domain, or <>."),
        click.argument("ids", nargs=-1, metavar="[ID]..."),
    ):
        command = option(command)
    return command


def selection(ids: tuple[str, ...], held: bool, not_held: bool, **given: Any) -> Selection:
    """Raises InvalidName for options that contradict each other."""
    if held and not_held:
        raise InvalidName("--held and --not-held exclude each other")
    if given.get("subdomains") and not given.get("domain"):
        raise InvalidName("--subdomains goes with --domain: those below which one?")
    return Selection(ids=ids or None, held=held if held or not_held else None, **given)


def some(chosen: Selection, everything: bool) -> Selection:
    """For commands that do harm: who means all has to say so (``--all``).  Raises InvalidName."""
    if chosen == EVERYTHING and not everything:
        raise InvalidName("name ids, say which (--sender, --domain, ...), or --all")
    return chosen

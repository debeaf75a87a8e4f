"""Says in one line what is wrong with a value: where it stands, what it is, what is allowed.

msgspec finds the fault and tells the path (``$.listener[1].port``); what is allowed is read from the schema, so the
words always agree with the check.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence

import msgspec
from msgspec import inspect

from mailsuite.config.schema import Settings

_FAULT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_KEY_FAULT = re.compile(r"Object (?P<kind>contains unknown|missing required) field `(?P<key>.*)`", re.DOTALL)

#: Characters of a value in an error line; a path fits.
_LONGEST_SHOWN = 400

#: What is written ``[[name]]``, once for each.
_TABLES = ("listener", "transport", "schedule", "tls_policy", "backup")

Step = str | int


class Explained(msgspec.Struct, frozen=True):
    """What is wrong, and the path to where."""

    steps: tuple[Step, ...]
    words: str


def explain(error: msgspec.ValidationError, data: object) -> Explained:
    """An error that ``msgspec.convert(data, Settings)`` raised."""
    found = _FAULT.fullmatch(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    steps = tuple(name or int(index) for name, index in _STEP.findall(path))
    node = _walk(inspect.type_info(Settings), steps)
    if (key_fault := _KEY_FAULT.fullmatch(what)) is not None:
        key = key_fault["key"]
        return Explained((*steps, key), _explain_key(key_fault["kind"], key, steps, node))
    return Explained(steps, f"{place(steps)} = {shown(_value(data, steps))}: allowed is {allowed(node)}")


def place(steps: Sequence[Step]) -> str:
    """A path as a person finds it in the file: ``limits.recipients``, ``[[listener]] no. 2, port``."""
    if len(steps) > 1 and isinstance(steps[1], int) and steps[0] in _TABLES:
        head = f"[[{steps[0]}]] no. {steps[1] + 1}"
        return f"{head}, {place(steps[2:])}" if steps[2:] else head
    text = ""
    for step in steps:
        text += f" no. {step + 1}" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def shown(value: object) -> str:
    """A value much as the file spells it, cut if it is much longer than any that makes sense."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _explain_key(kind: str, key: str, steps: Sequence[Step], node: inspect.Type) -> str:
    fields = node.fields if isinstance(node, inspect.StructType) else ()
    where = place([*steps, key])
    if kind == "missing required":
        wanted = next((field.type for field in fields if field.encode_name == key), node)
        return f"{where} is missing: needed is {allowed(wanted)}"
    known = [field.encode_name for field in fields]
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"allowed are {', '.join(known)}"
    return f"{where}: there is no such key; {hint}"


def allowed(node: inspect.Type) -> str:
    """What the schema takes at this place, in words."""
    if isinstance(node, inspect.Metadata):
        unit = (node.extra_json_schema or {}).get("unit", "")
        return allowed(node.type) + (f" ({unit})" if unit else "")
    match node:
        case inspect.EnumType():
            return _one_of([json.dumps(member.value) for member in node.cls])
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(node.ge, node.le)
        case inspect.FloatType():
            return "a number" + _range(node.ge, node.le)
        case inspect.StrType():
            return "a text" + _counted(node, "characters")
        case inspect.VarTupleType():
            return f"a list{_counted(node, 'entries')}: each {allowed(node.item_type)}"
        case inspect.StructType():
            return f"a section with the keys {', '.join(field.encode_name for field in node.fields)}"
        case _:  # pragma: no cover - the schema uses no other types
            return str(node)


def _one_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:.15g} to {high:.15g}"
    if low is not None:
        return f" {low:.15g} or more"
    return f" up to {high:.15g}" if high is not None else ""


def _counted(node: inspect.StrType | inspect.VarTupleType, what: str) -> str:
    if node.max_length is None:
        return ""
    return f" of {node.min_length or 0} to {node.max_length} {what}"


def _walk(node: inspect.Type, steps: Sequence[Step]) -> inspect.Type:
    """The schema's node at a path."""
    for step in steps:
        while isinstance(node, inspect.Metadata):
            node = node.type
        if isinstance(node, inspect.StructType):
            node = next(field.type for field in node.fields if field.encode_name == step)
        elif isinstance(node, inspect.VarTupleType):
            node = node.item_type
    return node


def _value(data: object, steps: Sequence[Step]) -> object:
    for step in steps:
        data = data[step]  # type: ignore[index]
    return data

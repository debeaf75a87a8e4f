"""Settings as TOML text: the sample file with every option explained, and the short file of a new instance.

``python -m mailsuite.config.sample > etc/mailsuite.toml`` makes the sample; a test holds that it is up to date.
"""

from __future__ import annotations

import enum
import json
import sys
import textwrap
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import inspect

from mailsuite.config.explain import allowed
from mailsuite.config.option import TlsMode
from mailsuite.config.relay import Backup, RelayTls, TlsPolicy, Transport, Way
from mailsuite.config.retry import Schedule
from mailsuite.config.schema import EVERYWHERE, Listener, Service, Settings, Tls

_WIDTH = 100

SAMPLE = Settings(
    hostname="mail.example.org",
    listeners=(
        Listener(Service.SMTP, EVERYWHERE, 25, TlsMode.STARTTLS),
        Listener(Service.SUBMISSION, EVERYWHERE, 587, TlsMode.STARTTLS),
        Listener(Service.SUBMISSION, EVERYWHERE, 465, TlsMode.IMPLICIT),
        Listener(Service.IMAP, EVERYWHERE, 143, TlsMode.STARTTLS),
        Listener(Service.IMAP, EVERYWHERE, 993, TlsMode.IMPLICIT),
        Listener(Service.POP3, EVERYWHERE, 995, TlsMode.IMPLICIT),
    ),
    trusted_networks=("host",),
    tls=Tls("certificate.pem", "key.pem"),
)

_SAMPLE_HEAD = """\
# The configuration of mailsuite: every option, with what it means, what is allowed and its default.
# This file is generated from mailsuite/config/schema.py. `mailsuite config check FILE` checks a file,
# `mailsuite config print FILE` shows what a file amounts to. Domains, accounts and aliases are not here:
# see `mailsuite domain|user|alias --help`. A change takes effect when the server is started again.
"""


def render(settings: Settings, *, everything: bool, explained: bool) -> str:
    """TOML that reads back as ``settings``.  ``everything``: also what has its default; ``explained``: comments."""
    return "\n".join(_Text(everything, explained).file(settings)) + "\n"


def sample() -> str:
    """The text of ``etc/mailsuite.toml``."""
    return _SAMPLE_HEAD + "\n" + render(SAMPLE, everything=True, explained=True)


class _Text:
    def __init__(self, everything: bool, explained: bool) -> None:
        self._everything = everything
        self._explained = explained

    def file(self, settings: Settings) -> Iterator[str]:
        """Plain options first, as TOML wants it, then the ports, then the sections."""
        fields = _fields(Settings)
        plain = [field for field in fields if not isinstance(_bare(field.type), inspect.StructType)]
        for field in plain:
            if field.name not in ("listeners", *_EXAMPLES):
                yield from self._option(field, getattr(settings, field.name))
        for index, listener in enumerate(settings.listeners):
            yield from self._section("[[listener]]", listener, explained=self._explained and index == 0)
        for field in plain:
            if field.name in _EXAMPLES:
                yield from self._table(field.encode_name, getattr(settings, field.name), _EXAMPLES[field.name])
        for field in fields:
            if field not in plain:
                yield from self._section(f"[{field.encode_name}]", getattr(settings, field.name), self._explained)

    def _table(self, name: str, values: Sequence[msgspec.Struct], example: msgspec.Struct) -> Iterator[str]:
        for value in values:
            yield from self._section(f"[[{name}]]", value, explained=False)
        if self._explained and not values:
            yield from _shown_example(name, example)

    def _section(self, head: str, value: msgspec.Struct, explained: bool) -> Iterator[str]:
        inner = _Text(self._everything, explained)
        lines = [line for field in _fields(type(value)) for line in inner._option(field, getattr(value, field.name))]
        if not lines:
            return
        yield from ([""] if not explained else ["", *_comment(type(value).__doc__ or "")])
        yield head
        yield from lines

    def _option(self, field: inspect.Field, value: object) -> Iterator[str]:
        if not self._everything and not field.required and value == field.default:
            return
        if self._explained:
            yield from _about(field)
        yield from f"{field.encode_name} = {_toml(value)}".split("\n")


#: What a table that is empty could hold.
_EXAMPLES: dict[str, msgspec.Struct] = {
    "transports": Transport(Way.HOST, domains=(".example.net",), host="gateway.example.net", tls=RelayTls.VERIFY),
    "tls_policies": TlsPolicy(domains=(".bank.example",), tls=RelayTls.VERIFY, names=("mx.bank.example",)),
    "schedules": Schedule(senders=("codes@example.org",), waits=(30.0, 60.0, 120.0), lifetime=900.0, delay_notice=0.0),
    "backups": Backup(domains=("example.net",), recipients="recipients-of-example.net"),
}


def _shown_example(name: str, example: msgspec.Struct) -> Iterator[str]:
    yield from ("", *_comment(type(example).__doc__ or ""), f"# [[{name}]]")
    for field in _fields(type(example)):
        yield from _about(field)
        yield f"# {field.encode_name} = {_toml(getattr(example, field.name))}"


def _fields(struct: type[msgspec.Struct]) -> Sequence[inspect.Field]:
    node = inspect.type_info(struct)
    assert isinstance(node, inspect.StructType)  # noqa: S101 - a Struct's type is one
    return node.fields


def _bare(node: inspect.Type) -> inspect.Type:
    return node.type if isinstance(node, inspect.Metadata) else node


def _about(field: inspect.Field) -> list[str]:
    """What it means; on a line of its own what is allowed, where that is not just any text, and the default."""
    node = field.type
    description = (node.extra_json_schema or {}).get("description", "") if isinstance(node, inspect.Metadata) else ""
    default = "needed" if field.required else f"default: {_toml(field.default, short=True)}"
    bounds = allowed(node)
    return [*_comment(description), *_comment(default if bounds == "a text" else f"{bounds}; {default}", "#   ")]


def _comment(text: str, indent: str = "# ") -> list[str]:
    words = " ".join(text.split())
    return textwrap.wrap(words, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _toml(value: object, short: bool = False) -> str:
    match value:
        case enum.Enum():
            return json.dumps(value.value)
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.15g}"
        case int():
            return str(value)
        case tuple():
            items = [_toml(item) for item in value]
            line = f"[{', '.join(items)}]"
            return line if short or len(line) < _WIDTH else "[\n    " + ",\n    ".join(items) + ",\n]"
        case _:
            # What JSON escapes, TOML escapes alike, but for DEL.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


if __name__ == "__main__":
    sys.stdout.write(sample())

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from mailsuite.config.load import parse
from mailsuite.config.sample import SAMPLE, render, sample
from mailsuite.config.schema import Limits, Listener, Service, Settings, TlsMode
from mailsuite.imap.limits import Limits as IMAPLimits
from mailsuite.smtp.extensions import Limits as SMTPLimits

ROOT = Path(__file__).parents[3]


def structs(node: inspect.Type) -> Iterator[inspect.StructType]:
    if isinstance(node, inspect.Metadata):
        yield from structs(node.type)
    elif isinstance(node, inspect.VarTupleType):
        yield from structs(node.item_type)
    elif isinstance(node, inspect.StructType):
        yield node
        for field in node.fields:
            yield from structs(field.type)


def test_sample_in_etc_is_up_to_date() -> None:
    assert (ROOT / "etc" / "mailsuite.toml").read_text(encoding="utf-8") == sample(), (
        "run: python -m mailsuite.config.sample > etc/mailsuite.toml"
    )


def test_sample_reads_back_as_the_settings_it_was_made_from() -> None:
    assert msgspec.convert(tomllib.loads(sample()), Settings) == SAMPLE


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize("explained", [True, False])
def test_any_rendering_reads_back_the_same(everything: bool, explained: bool) -> None:
    text = render(SAMPLE, everything=everything, explained=explained)
    assert msgspec.convert(tomllib.loads(text), Settings) == SAMPLE


def test_every_option_is_in_the_sample_and_explained() -> None:
    text = sample()
    for struct in structs(inspect.type_info(Settings)):
        assert struct.cls.__doc__
        for field in struct.fields:
            if list(structs(field.type)):
                continue
            assert isinstance(field.type, inspect.Metadata), f"{struct.cls.__name__}.{field.name} says nothing"
            assert (field.type.extra_json_schema or {}).get("description"), f"{struct.cls.__name__}.{field.name}"
            assert f"\n{field.encode_name} = " in text or f"\n# {field.encode_name} = " in text


def test_short_rendering_leaves_out_defaults() -> None:
    text = render(SAMPLE, everything=False, explained=False)
    assert "[limits]" not in text
    assert "allow_plaintext_login" not in text
    assert 'hostname = "mail.example.org"' in text


@settings(max_examples=100)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)
def test_any_text_survives_being_written(hostname: str, words: list[str]) -> None:
    made = Settings(
        hostname=hostname,
        listeners=(Listener(Service.IMAP, "::1", 143, TlsMode.NONE),),
        trusted_networks=tuple(words),
    )
    assert msgspec.convert(tomllib.loads(render(made, everything=True, explained=True)), Settings) == made


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    text = render(SAMPLE, everything=False, explained=False)
    made = parse(text.replace('"key.pem"', '"/etc/key.pem"'), str(tmp_path / "mailsuite.toml"))
    assert made.paths.store == str(tmp_path / "store")
    assert made.tls.certificate == str(tmp_path / "certificate.pem")
    assert made.tls.key == "/etc/key.pem"
    assert made.smarthost.password_file == "", "what is not set stays empty"


def test_every_part_has_the_same_largest_message_by_default() -> None:
    assert {Limits().message_size, SMTPLimits().message, IMAPLimits().message} == {64 * 1024 * 1024}

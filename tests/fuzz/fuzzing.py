"""How atheris is run on the checks of a protocol: its folder, its words, its bounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import atheris

HERE = Path(".fuzz")


def fuzz(
    protocol: str, words: Sequence[str], seeds: Iterable[tuple[str, bytes]], check: Callable[[bytes], None]
) -> None:
    """``words`` are what chance would be long to find; ``seeds`` are names and octets to begin with.  Does not return;
    the command line has libFuzzer's options, or files to be run again."""
    corpus = HERE / protocol
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in seeds:
        (corpus / f"seed-{name}").write_bytes(data)
    dictionary = HERE / f"{protocol}.dict"
    dictionary.write_text("".join(f'"{word}"\n' for word in words))
    given = sys.argv[1:]
    again = any(not word.startswith("-") for word in given)
    options = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", f"-artifact_prefix={HERE}/", f"-dict={dictionary}"]
    atheris.Setup([sys.argv[0], *options, *given, *([] if again else [str(corpus)])], check)
    atheris.Fuzz()

"""Random input for the POP3 core and the downgrading of messages, led by the branches it reaches: ``make fuzz-pop3
SECONDS=60``, or this file with libFuzzer's options.  Needs atheris (``pip install '.[fuzz]'``).  What breaks something
is kept in .fuzz/ and makes the exit status 1 or higher; ``fuzz_pop3.py .fuzz/crash-...`` runs it again.
"""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("fuzz_pop3: atheris is not installed and there may be none for this Python: pip install '.[fuzz]'")

with atheris.instrument_imports(include=["mailsuite.pop3", "mailsuite.mime", "mailsuite.wire"]):
    from pop3_checks import check, seeds

HERE = Path(".fuzz")
#: What chance would be long to find.
WORDS = (
    "CAPA", "STLS", "USER tim", "PASS x", "APOP tim ", "AUTH PLAIN", "UTF8", "LANG de", "STAT", "LIST", "UIDL",
    "RETR 1", "TOP 1 0", "DELE 2", "RSET", "NOOP", "QUIT", r"\x0d\x0a", "Content-Type: ", "boundary=",
    "message/global", "=?utf-8?",
)  # fmt: skip


def main() -> None:
    corpus = HERE / "pop3"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (corpus / f"seed-{name}").write_bytes(data)
    words = HERE / "pop3.dict"
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    given = sys.argv[1:]
    again = any(not word.startswith("-") for word in given)
    options = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", f"-artifact_prefix={HERE}/", f"-dict={words}"]
    atheris.Setup([sys.argv[0], *options, *given, *([] if again else [str(corpus)])], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

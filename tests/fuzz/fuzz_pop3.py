"""Random input for the POP3 core and the downgrading of messages, led by the branches it reaches: ``make fuzz-pop3
SECONDS=60``, or this file with libFuzzer's options.  Needs atheris (``pip install '.[fuzz]'``).  What breaks something
is kept in .fuzz/ and makes the exit status 1 or higher; ``fuzz_pop3.py .fuzz/crash-...`` runs it again.
"""

from __future__ import annotations

import sys

try:
    import atheris
except ImportError:
    sys.exit("fuzz_pop3: atheris is not installed and there may be none for this Python: pip install '.[fuzz]'")

with atheris.instrument_imports(include=["mailsuite.pop3", "mailsuite.mime", "mailsuite.wire"]):
    from pop3_checks import check, seeds

from fuzzing import fuzz  # after atheris, without which there is nothing to run

#: What chance would be long to find.
WORDS = (
    "CAPA", "STLS", "USER tim", "PASS x", "APOP tim ", "AUTH PLAIN", "UTF8", "LANG de", "STAT", "LIST", "UIDL",
    "RETR 1", "TOP 1 0", "DELE 2", "RSET", "NOOP", "QUIT", r"\x0d\x0a", "Content-Type: ", "boundary=",
    "message/global", "=?utf-8?",
)  # fmt: skip


if __name__ == "__main__":
    fuzz("pop3", WORDS, seeds(), check)

"""Random input for the SMTP cores, led by the branches it reaches: ``make fuzz SECONDS=60``, or this file with
libFuzzer's options.  Needs atheris (``pip install '.[fuzz]'``).  What breaks something is kept in .fuzz/ and makes the
exit status 1 or higher; ``fuzz_smtp.py .fuzz/crash-...`` runs it again.
"""

from __future__ import annotations

import sys

try:
    import atheris
except ImportError:
    sys.exit("fuzz_smtp: atheris is not installed and there may be none for this Python: pip install '.[fuzz]'")

with atheris.instrument_imports(include=["mailsuite.smtp", "mailsuite.wire"]):
    from smtp_checks import check, seeds

from fuzzing import fuzz  # after atheris, without which there is nothing to run

#: What chance would be long to find.
WORDS = (
    "EHLO x", "LHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "BDAT 3", " LAST", "RSET", "NOOP", "QUIT",
    "STARTTLS", "AUTH PLAIN AGEAYg==", "AUTH LOGIN", "SIZE=", "BODY=8BITMIME", "SMTPUTF8", "[IPv6:", "250-", "354 ",
    r"\x0d\x0a", r"\x0d\x0a.\x0d\x0a", r"\x0a.\x0d\x0a",
)  # fmt: skip


if __name__ == "__main__":
    fuzz("smtp", WORDS, seeds(), check)

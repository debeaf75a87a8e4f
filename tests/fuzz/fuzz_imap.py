"""Random input for the IMAP core and for what FETCH and SEARCH make of messages, led by the branches it reaches:
``make fuzz-imap SECONDS=60``, or this file with libFuzzer's options.  Needs atheris (``pip install '.[fuzz]'``).  What
breaks something is kept in .fuzz/ and makes the exit status 1 or higher; ``fuzz_imap.py .fuzz/crash-...`` runs it
again.
"""

from __future__ import annotations

import sys

try:
    import atheris
except ImportError:
    sys.exit("fuzz_imap: atheris is not installed and there may be none for this Python: pip install '.[fuzz]'")

with atheris.instrument_imports(include=["mailsuite.imap", "mailsuite.mime", "mailsuite.wire"]):
    from imap_checks import check, seeds

from fuzzing import fuzz  # after atheris, without which there is nothing to run

#: What chance would be long to find.
WORDS = (
    "a LOGIN u p", "a SELECT x", "a FETCH 1:* (", "BODY[HEADER.FIELDS (", "BODY.PEEK[1.MIME]<0.9>", "UID ", "SEARCH ",
    "RETURN (", "CHARSET UTF-8 ", "STORE 1 +FLAGS (", "APPEND x ", "CATENATE (TEXT ", "UTF8 (", "IDLE", "DONE", "LIST ",
    "STATUS x (", "ENABLE IMAP4REV2", "THREAD REFERENCES ", "SORT (", "{3}", "{3+}", "~{3+}", r"\x0d\x0a", "1:*", "$",
    "Content-Type: ", "boundary=", "message/rfc822", "=?utf-8?",
)  # fmt: skip


if __name__ == "__main__":
    fuzz("imap", WORDS, seeds(), check)

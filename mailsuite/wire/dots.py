"""Dot-stuffing both ways: RFC 5321 §4.5.2 (SMTP DATA) and RFC 1939 §3 (POP3 multi-line answers).

``Unstuffer`` takes a body off the wire: it ends at CR LF . CR LF and at nothing else, so no malformed end of data can
smuggle a second message.  ``Stuffer`` puts one on the wire; its input has CR LF line ends.  Both take octets in any
cut, give the same octets for every cut, hold at most four of them back, and work at the speed of ``bytes.replace``.
"""

from __future__ import annotations

from mailsuite.wire.line_ends import LineEndCounts, has_only_crlf

_END = b"\r\n.\r\n"


class Unstuffer(LineEndCounts):
    """One body off the wire, from the octet after the line that announced it.

    ``bare_cr``, ``bare_lf`` and ``nul`` say what was wrong in it; they are whole once ``ended`` is true.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ended = False
        self.rest = b""
        # The end of the input so far, as far as it is the beginning of _END.  Its line end was given out already;
        # the announcing line's own CR LF counts as the one before the first line.
        self._tail = b"\r\n"

    def feed(self, data: bytes) -> bytes:
        """The message octets in ``data``.  At the end ``ended`` becomes true and ``rest`` holds what followed;
        nothing may be fed after that."""
        tail = self._tail
        raw = tail + data
        given = min(len(tail), 2)
        dot = raw.find(b"\r\n.")  # nearly always the end, or nowhere
        end = raw.find(_END, dot) if dot >= 0 else -1
        if end >= 0:
            self.ended = True
            self._look(raw, len(tail), end + len(_END))
            self.rest = raw[end + len(_END) :]
            body = raw[: end + 2]
        else:
            self._look(raw, len(tail), len(raw))
            self._tail = _beginning_of_end(raw)
            held = max(len(self._tail) - 2, 0)
            body = raw[: len(raw) - held]
        return (body.replace(b"\r\n.", b"\r\n") if 0 <= dot < len(body) - 2 else body)[given:]

    def _look(self, raw: bytes, start: int, end: int) -> None:
        """Count line ends in ``raw[start:end]``, unless nothing is wrong there; a CR LF across ``start`` belongs to
        it."""
        if raw.find(b"\0", start, end) >= 0:
            self.nul = True
        if has_only_crlf(raw[start:end]):
            return
        self._cr += raw.count(b"\r", start, end)
        self._lf += raw.count(b"\n", start, end)
        self._crlf += raw.count(b"\r\n", start - 1 if raw[start - 1 : start] == b"\r" else start, end)


def _beginning_of_end(raw: bytes) -> bytes:
    """The longest end of ``raw`` that CR LF . CR LF may grow from."""
    for size in (4, 3, 2, 1):
        if raw.endswith(_END[:size]):
            return _END[:size]
    return b""


class Stuffer:
    """One body onto the wire."""

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def feed(self, data: bytes) -> bytes:
        """``data`` with every dot at the start of a line doubled."""
        tail = self._tail
        raw = tail + data
        self._tail = raw[-2:] if raw.endswith(b"\r\n") else raw[-1:] if raw.endswith(b"\r") else b""
        return raw.replace(b"\r\n.", b"\r\n..")[len(tail) :]

    def finish(self) -> bytes:
        """The end of data; the last line is ended first if it was not."""
        return b".\r\n" if self._tail == b"\r\n" else _END

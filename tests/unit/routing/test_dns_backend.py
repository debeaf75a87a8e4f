"""Messages with more records than anybody needs cost no more than a few."""

from __future__ import annotations

import struct

import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.routing.dns_backend import MOST_RECORDS, _Stream, _StreamSocket, bounded
from mailsuite.testing.results import result_of


def answer(records: int) -> bytes:
    query = dns.message.make_query("many.test.", "A")
    response = dns.message.make_response(query)
    texts = [f"127.0.{n // 250}.{n % 250}" for n in range(records)]
    response.answer.append(dns.rrset.from_text_list("many.test.", 60, dns.rdataclass.IN, dns.rdatatype.A, texts))
    return response.to_wire(max_size=65535)


def records(message: bytes) -> int:
    return sum(map(len, dns.message.from_wire(message, ignore_trailing=True).answer))


@pytest.mark.parametrize(
    ("there", "left"),
    [(1, 1), (MOST_RECORDS - 1, MOST_RECORDS - 1), (MOST_RECORDS + 10, MOST_RECORDS), (4000, MOST_RECORDS)],
)
def test_no_more_records_are_read_than_are_needed(there: int, left: int) -> None:
    assert records(bounded(answer(there))) == left


def test_what_is_cut_is_told_of_as_if_it_were_not_there() -> None:
    message = answer(1)
    flooded = message[:6] + struct.pack("!HHH", 1, 60_000, 60_000) + message[12:]
    assert bounded(flooded)[:12] == message[:6] + struct.pack("!HHH", 1, 0, 0)
    assert bounded(b"short") == b"short"


@pytest.mark.parametrize("size", [1, 5, 13, 14, 70_000])
def test_a_stream_is_bounded_wherever_it_is_cut(size: int) -> None:
    message = answer(3000)
    octets = struct.pack("!H", len(message)) + message
    protocol = _Stream()
    stream = _StreamSocket(2, protocol, Clock())
    for start in range(0, len(octets), size):
        protocol.dataReceived(octets[start : start + size])
    got = b""
    while len(got) < len(octets):
        got += result_of(Deferred.fromCoroutine(stream.recv(len(octets) - len(got), 1.0)))
    assert len(got) == len(octets)
    assert records(got[2:]) == MOST_RECORDS


def test_a_stream_that_ends_early_says_so() -> None:
    protocol = _Stream()
    stream = _StreamSocket(2, protocol, Clock())
    protocol.dataReceived(b"\0\1x")
    protocol.connectionLost()
    assert result_of(Deferred.fromCoroutine(stream.recv(9, 1.0))) == b"\0\1x"
    assert result_of(Deferred.fromCoroutine(stream.recv(9, 1.0))) == b""

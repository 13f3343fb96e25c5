"""Large bodies and chunked ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.gateway.bodies import LINE_BYTES_MAX, TRAILER_BYTES_MAX, Chunks, Space, TooLarge
from clary.gateway.heads import Malformed


def encoded(pieces: list[bytes], trailer: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.lists(st.integers(1, 30), max_size=40), st.binary())
def test_a_body_is_the_same_however_its_bytes_arrive_and_what_follows_stays(pieces, steps, rest):
    arriving = encoded(pieces, b"x-checksum: 1\r\n") + rest
    chunks, buffer, at = Chunks(10_000), bytearray(), 0
    for step in [*steps, len(arriving)]:
        buffer += arriving[at : at + step]
        at += step
        chunks.feed(buffer)
    assert chunks.whole
    assert chunks.body() == b"".join(pieces)
    assert bytes(buffer) == rest


@given(st.binary(max_size=50), st.binary(max_size=200), st.lists(st.integers(1, 60), max_size=8))
def test_a_body_is_read_to_its_place_however_it_is_cut(begun, rest, steps):
    space, at = Space(len(begun + rest), begun), 0
    for step in [*steps, len(rest)]:
        count = min(step, len(space.missing))
        assert len(space.missing) == len(rest) - at
        space.missing[:count] = rest[at : at + count]
        space.fill(count)
        at += count
    assert space.body() == begun + rest
    assert space.body() is space.body(), "it is not copied"


def test_extensions_of_a_chunk_are_passed_over():
    chunks = Chunks(100)
    chunks.feed(bytearray(b'3;name="value"\r\nabc\r\n0\r\n\r\n'))
    assert chunks.whole
    assert chunks.body() == b"abc"


@pytest.mark.parametrize(
    "arriving",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x3\r\nabc\r\n",
        b"\r\n",
        b"123456789\r\n",
        b"3\r\nabcd\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"1" * LINE_BYTES_MAX,
        b"0\r\nno colon\r\n\r\n",
        b"0\r\na: \x00\r\n\r\n",
        b"0\r\n" + b"a: b\r\n" * TRAILER_BYTES_MAX,
    ],
)
def test_malformed_chunks_are_refused(arriving):
    with pytest.raises(Malformed):
        Chunks(1000).feed(bytearray(arriving))


def test_a_body_beyond_the_limit_is_refused_before_it_is_read():
    with pytest.raises(TooLarge):
        Chunks(10).feed(bytearray(b"6\r\nabcdef\r\n5\r\n"))

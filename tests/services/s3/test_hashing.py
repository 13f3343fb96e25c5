"""A long hash: the same digest however long the body is, and no thread left behind."""

from __future__ import annotations

import hashlib
import threading

import pytest

from clary.services.s3.hashing import AHEAD_MAX, INLINE_BYTES_MAX, LongHash

PIECE = bytes(range(256)) * 1024
LONG = 2 * AHEAD_MAX + INLINE_BYTES_MAX // len(PIECE)


def md5_of(pieces: int) -> bytes:
    return hashlib.md5(PIECE * pieces, usedforsecurity=False).digest()


@pytest.mark.parametrize("pieces", [0, 1, LONG])
def test_the_digest_is_that_of_all_pieces_in_their_order(pieces: int) -> None:
    with LongHash(hashlib.md5(usedforsecurity=False)) as taken:
        for _ in range(pieces):
            taken.update(PIECE)
        assert taken.digest() == md5_of(pieces)


def hashing() -> int:
    """Return how many threads hash: those of others, such as servers', come and go as they please."""
    return sum(each.name == "hash" for each in threading.enumerate())


def test_a_short_body_has_no_thread_and_a_long_one_leaves_none() -> None:
    with LongHash(hashlib.md5(usedforsecurity=False)) as taken:
        taken.update(PIECE)
        assert hashing() == 0
        for _ in range(LONG):
            taken.update(PIECE)
        assert hashing() == 1
    assert hashing() == 0


def broken_off(taken: LongHash) -> None:
    with taken:
        for _ in range(LONG):
            taken.update(PIECE)
        raise ConnectionError


def test_a_body_that_breaks_off_leaves_no_thread() -> None:
    with pytest.raises(ConnectionError):
        broken_off(LongHash(hashlib.md5(usedforsecurity=False)))
    assert hashing() == 0

"""What a model server answers, told from the bytes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from clary.gateway.heads import HEAD_END, LINE_END, TEXT

USUAL_START = "HTTP/1.1 200 "
DIGITS = re.compile(r"0|[1-9][0-9]{0,17}")
HEADS_MAX, HEAD_BYTES_MAX = 256, 1024
"""Heads of replies that are remembered, since those of a model hardly differ, and how long they may be."""
UNUSUAL = frozenset(("connection", "transfer-encoding"))


class Reply(NamedTuple):
    """What the model answered; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The model's answer did not arrive whole: whether it worked on the request is unknown."""

    reason: str
    malformed: bool = False  # an answer came, but not one that can be passed on
    stale: bool = False  # no byte of an answer came on a connection that had been used before


def read_usual(data: bytes) -> Reply | None:
    """Return the reply if `data` is one 200 of a stated length and nothing else; None if it needs a parser."""
    head, _, body = data.partition(HEAD_END)
    usual = _usual(head)
    if usual is None or usual[1] != len(body):
        return None
    return Reply(200, usual[0], body)


@lru_cache(HEADS_MAX)
def _usual(head: bytes) -> tuple[dict[str, str], int] | None:
    """Return the fields of a usual reply's head, and how long its body is."""
    if len(head) > HEAD_BYTES_MAX:
        return None
    start, *lines = head.decode("latin-1").split("\r\n")
    if not start.startswith(USUAL_START) or head.translate(None, TEXT) != LINE_END * len(lines):
        return None
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip(" \t")
    length = fields.get("content-length", "")
    usual = len(fields) == len(lines) and UNUSUAL.isdisjoint(fields) and DIGITS.fullmatch(length)
    return (fields, int(length)) if usual else None

"""The usual request, told from its bytes: one that came whole, with a stated length and nothing out of the ordinary.

The platform's gateway sends hardly anything else. Whatever is not usual goes to the parser, which refuses what is
malformed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from clary_runtime.serving.messages import Request

END = b"\r\n\r\n"
START = re.compile(rb"([A-Z]+) (/[!-~]*) HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
LENGTH = re.compile(r"0|[1-9][0-9]{0,17}")
UNUSUAL = frozenset(("connection", "expect", "transfer-encoding", "upgrade"))
"""Fields that ask something of the connection."""
HEADS_MAX, HEAD_BYTES_MAX = 256, 2048
"""Heads that are remembered, since those of a model's clients hardly differ, and how long they may be."""


def read_usual(data: bytes) -> Request | None:
    """Return the request if `data` is a usual one and nothing else; None if it needs a parser."""
    head, _, body = data.partition(END)
    usual = _usual(head) if len(head) <= HEAD_BYTES_MAX else None
    if usual is None or usual[3] != len(body):
        return None
    return Request(usual[0], usual[1], usual[2], body)


@lru_cache(HEADS_MAX)
def _usual(head: bytes) -> tuple[str, str, Mapping[str, str], int] | None:
    """Return method, path and fields of a usual request's head, and how long its body is."""
    first, *lines = head.split(b"\r\n")
    start, found = START.fullmatch(first), [FIELD.fullmatch(line) for line in lines]
    fields = {each[1].decode().lower(): each[2].decode("latin-1") for each in found if each is not None}
    length = fields.get("content-length", "0")
    if start is None or len(fields) < len(lines) or not UNUSUAL.isdisjoint(fields) or not LENGTH.fullmatch(length):
        return None
    return start[1].decode(), start[2].partition(b"?")[0].decode(), fields, int(length)

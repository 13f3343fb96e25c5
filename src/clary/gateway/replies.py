"""What a model server answers, told from the bytes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from clary.gateway.heads import HEAD_END, LINE_END, TEXT

USUAL_START = "HTTP/1.1 200 "
UNUSUAL = frozenset(("connection", "transfer-encoding"))


class Reply(NamedTuple):
    """What the model answered; header names are lower-case."""

    status: int
    headers: dict[str, str]
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
    start, *lines = head.decode("latin-1").split("\r\n")
    if not start.startswith(USUAL_START) or head.translate(None, TEXT) != LINE_END * len(lines):
        return None
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip(" \t")
    usual = len(fields) == len(lines) and fields.get("content-length") == str(len(body))
    return Reply(200, fields, body) if usual and UNUSUAL.isdisjoint(fields) else None

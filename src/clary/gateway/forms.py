"""Forms: what a client says again in every request is read, prepared and decided once.

A form is what the requests of a client to an endpoint have in common; a request that fills it in says nothing else
that is new than its gaps. Whether a form may be used is told by `Admission`, for each request anew. Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from clary.gateway.heads import HEAD_END, Head, parse
from clary.gateway.known import Leave
from clary.gateway.parameters import Parameters, read
from clary.wire.message import Request
from clary.wire.sigv4 import Signature
from clary.wire.sigv4_seal import PAYLOAD, SIGNED, STAMP, Seal

FORMS_MAX = 512
"""Forms that a worker knows."""
HEAD_BYTES_MAX = 4096
"""Of a head that may become a form."""
LENGTH = "content-length"
TIDY = rb"([!-~]+(?: [!-~]+)*)"
GAPS = {
    STAMP: rb"([0-9]{8}T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z)",
    LENGTH: rb"(0|[1-9][0-9]{0,17})",
    PAYLOAD: rb"([0-9a-f]{64})",
    "amz-sdk-invocation-id": TIDY,
    "amz-sdk-request": TIDY,
    "date": TIDY,
    "traceparent": TIDY,
    "x-amzn-trace-id": TIDY,
    SIGNED: rb"([0-9a-f]{64})",
    "": b"",
}
"""Fields that differ from request to request, and what they may hold: of `SIGNED` the signature, of others nothing."""


class Form:
    """A form; nothing fills it in before it was learned from a request that was admitted."""

    def __init__(self, head: Head, raw: bytes) -> None:
        self.parameters: Parameters
        self.seal: Seal
        self.leave: Leave | None = None
        self._head = head
        self._raw = raw
        self._begun = b""  # all before the first gap
        self._pattern: re.Pattern[bytes] | None = None  # from there on
        self._length = 0

    def learn(self, signature: Signature, leave: Leave) -> None:
        """Take the form from a request that is admitted, or the leave from a later one."""
        if self._pattern is None:
            lines = _lines(self._raw)
            names = [name for name, _ in lines if name]
            if not {STAMP, SIGNED, LENGTH}.issubset(names):
                return
            head = self._head
            request = Request("POST", head.path, head.query, head.headers, b"", head.secure)
            self.parameters, self.seal = read(head), Seal(request, signature, names)
            self._length = names.index(LENGTH)
            first = next(at for at, (name, _) in enumerate(lines) if name)
            self._begun = b"\r\n".join(said for _, said in lines[: first + 1])
            rest = [re.escape(said) + GAPS[name] for name, said in lines[first + 1 :]]
            self._pattern = re.compile(b"\r\n".join([GAPS[names[0]], *rest]))
        self.leave = leave

    def fill(self, raw: bytes) -> Filled | None:
        """Return what a head fills in, None if it is not of this form."""
        if self._pattern is None or not raw.startswith(self._begun):
            return None
        found = self._pattern.fullmatch(raw, len(self._begun), len(raw) - len(HEAD_END))
        if found is None:
            return None
        values = found.groups()
        return Filled(self, values, int(values[self._length]), raw)


class Filled(NamedTuple):
    """A head that fills in a form; to its connection what any head is."""

    form: Form
    values: tuple[bytes, ...]
    length: int
    raw: bytes
    secure: bool = False
    keep_alive: bool = True
    expects_continue: bool = False

    def head(self) -> Head:
        """Return the head, read as if there were no form."""
        head = parse(self.raw)
        assert head is not None, "it is like the one that the form was made of"
        return head._replace(secure=self.secure)


class Forms:
    """The forms that a worker knows; at the limit the oldest goes."""

    def __init__(self) -> None:
        self._forms: dict[bytes, Form] = {}

    def of(self, raw: bytes) -> Form | None:
        """Return the form of a head, None if none like it was noted."""
        return self._forms.get(_alike(raw)) if len(raw) <= HEAD_BYTES_MAX else None

    def note(self, head: Head, raw: bytes) -> None:
        """Have a form for heads like this one from now on, unless it is too unusual for one."""
        if _usual(head, raw):
            if len(self._forms) >= FORMS_MAX:
                del self._forms[next(iter(self._forms))]
            self._forms[_alike(raw)] = Form(head, raw)


def _alike(raw: bytes) -> bytes:
    """Return what heads of one form have in common."""
    return b"\r\n".join([said for _, said in _lines(raw)])


def _usual(head: Head, raw: bytes) -> bool:
    plain = head.keep_alive and not head.expects_continue and not head.streams and not head.query
    once = len(head.headers.fields) == len(head.headers.items())  # no field came twice
    return plain and once and len(raw) <= HEAD_BYTES_MAX


def _lines(raw: bytes) -> list[tuple[str, bytes]]:
    """Return each line's gap, "" if it has none, and what the line says before it."""
    return [_parted(line) for line in raw[: -len(HEAD_END)].split(b"\r\n")]


def _parted(line: bytes) -> tuple[str, bytes]:
    begun = line.partition(b": ")[0]
    name = begun.decode("latin-1").lower()
    if name == SIGNED:
        begun, found, _ = line.rpartition(b"Signature=")
        return (name, begun + found) if found else ("", line)
    return (name, begun + b": ") if name in GAPS else ("", line)

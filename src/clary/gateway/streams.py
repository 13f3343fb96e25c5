"""InvokeEndpointWithResponseStream: the answer of a model passes as it is written, in the parts of an event stream.

A part goes to the client as soon as the model wrote it. A client that does not read stops the reading of the model's
answer, so that no more than one piece of it is held here. One that leaves ends the work on it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Protocol

from clary.core.errors import ServiceError
from clary.gateway import answers
from clary.gateway.answers import Encoded
from clary.gateway.connections import Reader
from clary.gateway.heads import Head
from clary.gateway.invocations import Invocation, Plane
from clary.gateway.parameters import read
from clary.gateway.replies import Broken, Reply
from clary.gateway.upstream import Exchange, Pool
from clary.wire.eventstream import CONTENT_TYPE, frame, text
from clary.wire.message import Request

log = logging.getLogger(__name__)

STREAM_S = 480.0
"""How long a model may go on once it has begun to answer («How Containers Serve Requests»)."""
ACCEPT = "x-amzn-sagemaker-accept"
PART = {
    ":message-type": text("event"),
    ":event-type": text("PayloadPart"),
    ":content-type": text("application/octet-stream"),
}
ERROR = {
    ":message-type": text("exception"),
    ":exception-type": text("ModelStreamError"),
    ":content-type": text("application/json"),
}
BROKEN = ("StreamBroken", "The TCP connection between the client and the model was reset or closed.")
TOO_LONG = (
    "ModelInvocationTimeExceeded",
    "The model failed to finish sending the response within the timeout period allowed by Amazon SageMaker AI.",
)
REQUEST_ID_FIELD = "x-amzn-RequestId"


class Outlet(Protocol):
    """The client's connection."""

    def attach(self, reader: Reader | None) -> None:
        """Tell `reader` what happens from now on; None if nobody is to be told."""

    def send_piece(self, data: bytes) -> bool:
        """Send a piece of an answer; return whether the client has taken everything."""

    def respond(self, answer: Encoded, request_id: str) -> None:
        """Send an answer, or the end of one that was sent in pieces."""


@dataclass(frozen=True, slots=True)
class Last:
    """The end of an answer in chunks; stands where an Answer does."""

    def encode(self, _: str, *, close: bool) -> bytes:
        """Return the last bytes."""
        return b"0\r\n\r\n"


def stream(plane: Plane, head: Head, body: bytes, began: float, outlet: Outlet) -> None:
    """Answer one request with a stream, whatever happens."""
    request_id = next(plane.request_ids)
    try:
        asked = tuple(("accept" if name == ACCEPT else name, value) for name, value in head.asked)
        invocation = Streamed(plane, head._replace(asked=asked), body, began, request_id, outlet)
        request = Request("POST", head.path, head.query, head.headers, body, head.secure)
        plane.admission.admit(request, invocation.parameters.told, invocation.admitted)
    except ServiceError as error:
        outlet.respond(answers.refusal(error), request_id)


class Streamed(Invocation):
    """An invocation whose answer is passed on in parts; until the first it lives as any other does."""

    __slots__ = ("_going", "_outlet", "_timer")

    def __init__(self, plane: Plane, head: Head, body: bytes, began: float, request_id: str, outlet: Outlet) -> None:
        super().__init__(plane, read(head), body, began, request_id, outlet.respond)
        self._outlet = outlet
        self._going = False  # the head of the answer was sent, and its end was not
        self._timer: asyncio.TimerHandle | None = None

    def sent(self, pool: Pool, exchange: Exchange) -> None:
        """Note where the request went, and take the answer as it comes."""
        super().sent(pool, exchange)
        exchange.taker = self

    def parted(self, reply: Reply) -> None:
        """Pass on what has come of the model's answer."""
        if self._timer is None:
            self._begin(reply)
        self._send(reply.body)

    def answered(self, outcome: Reply | Broken) -> None:
        """Pass on the rest of the answer, or say why there is none."""
        good = isinstance(outcome, Reply) and 200 <= outcome.status < 300
        if self._timer is None and not good:
            super().answered(outcome)
            return
        self._exchange = None
        self._lane.leave()
        if isinstance(outcome, Broken):
            self._break_off(*BROKEN)
            return
        if self._timer is None:
            self._begin(outcome)
        self._send(outcome.body)
        self._finish(outcome.status)

    def go_on(self) -> None:
        """Read on in the model's answer: the client has taken everything."""
        if self._exchange is not None and self._exchange.carrier is not None:
            self._exchange.carrier.resume()

    def gone(self) -> None:
        """End the work for a client that has gone."""
        self._stop_model(at_fault=False)
        self._finish(200)

    def _begin(self, reply: Reply) -> None:
        self._plane.deadlines.forget(self)
        self._timer = asyncio.get_running_loop().call_later(STREAM_S, self._too_long)
        self._going = True
        result = self._result(reply)
        fields = result.fields.replace("\r\nContent-Type:", "\r\nX-Amzn-SageMaker-Content-Type:")
        told = f"{REQUEST_ID_FIELD}: {self._request_id}\r\n{fields}Content-Type: {CONTENT_TYPE}\r\n"
        self._outlet.attach(self)
        self._outlet.send_piece(
            f"HTTP/1.1 200 OK\r\n{told}Transfer-Encoding: chunked\r\n\r\n".encode("latin-1", "replace")
        )

    def _send(self, data: bytes) -> None:
        if data and self._going:
            self._write(frame(PART, data))

    def _write(self, message: bytes) -> None:
        taken = self._outlet.send_piece(b"%x\r\n%b\r\n" % (len(message), message))
        if not taken and self._exchange is not None and self._exchange.carrier is not None:
            self._exchange.carrier.pause()

    def _too_long(self) -> None:
        self._stop_model(at_fault=True)
        self._break_off(*TOO_LONG)

    def _stop_model(self, *, at_fault: bool) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None and self._pool is not None:
            self._pool.give_up(exchange, at_fault=at_fault)
            self._lane.leave()

    def _break_off(self, code: str, message: str) -> None:
        log.warning("the stream of request %s to endpoint %s: %s", self._request_id, self.parameters.endpoint, code)
        self._write(frame(ERROR, json.dumps({"Message": message, "ErrorCode": code}).encode()))
        self._finish(0)

    def _finish(self, status: int) -> None:
        if self._going:
            self._going = False
            assert self._timer is not None, "it began"
            self._timer.cancel()
            self._outlet.attach(None)
            self._count(status)
            self._end(Last())

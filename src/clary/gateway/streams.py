"""InvokeEndpointWithResponseStream: the answer of a model passes as it is written, in the parts of an event stream.

A part goes to the client as soon as the model wrote it. A client that does not read stops the reading of the model's
answer, so that no more than one piece of it is held here. One that leaves ends the work on it. What goes wrong after
the answer has begun is told in the stream.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Protocol

from clary.core.errors import ServiceError
from clary.gateway import answers
from clary.gateway.answers import Encoded, Reader
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
REQUEST_ID_FIELD = "x-amzn-RequestId"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stream ends before its end, as an exception of the event stream; only a model's has an error code."""

    name: str
    message: str
    error_code: str | None = None

    def encode(self) -> bytes:
        """Return the message of the stream."""
        members = {"Message": self.message} | ({"ErrorCode": self.error_code} if self.error_code else {})
        headers = {
            ":message-type": text("exception"),
            ":exception-type": text(self.name),
            ":content-type": text("application/json"),
        }
        return frame(headers, json.dumps(members).encode())


BROKEN = Failure(
    "ModelStreamError", "The TCP connection between the client and the model was reset or closed.", "StreamBroken"
)
TOO_LONG = Failure(
    "ModelStreamError",
    "The model failed to finish sending the response within the timeout period allowed by Amazon SageMaker AI.",
    "ModelInvocationTimeExceeded",
)
INTERNAL = Failure(
    "InternalStreamFailure",
    "The stream processing failed because of an unknown error, exception or failure. Try your request again.",
)


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
    """The end of an answer in pieces; stands where an Answer does."""

    data: bytes

    def encode(self, _: str, *, close: bool) -> bytes:
        """Return the last bytes."""
        return self.data


class Streams:
    """The streams of a worker."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._going: set[Streamed] = set()

    def begin(self, head: Head, body: bytes, began: float, outlet: Outlet) -> None:
        """Answer one request with a stream, whatever happens."""
        request_id = next(self._plane.request_ids)
        try:
            asked = tuple(("accept" if name == ACCEPT else name, value) for name, value in head.asked)
            streamed = Streamed(self._plane, head._replace(asked=asked), body, began, request_id, outlet, self._going)
            request = Request("POST", head.path, head.query, head.headers, body, head.secure)
            self._plane.admission.admit(request, streamed.parameters.told, streamed.admitted)
        except ServiceError as error:
            outlet.respond(answers.refusal(error), request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            outlet.respond(answers.refusal(answers.internal("An internal failure occurred.")), request_id)

    def break_off(self) -> None:
        """End every stream that goes on, since the worker ends."""
        for each in list(self._going):
            each.fail()


class Streamed(Invocation):
    """An invocation whose answer is passed on in parts; until the first it lives as any other does.

    `going` holds it from the head of the answer to its end.
    """

    __slots__ = ("_chunks", "_going", "_outlet", "_timer")

    def __init__(
        self,
        plane: Plane,
        head: Head,
        body: bytes,
        began: float,
        request_id: str,
        outlet: Outlet,
        going: set[Streamed],
    ) -> None:
        super().__init__(plane, read(head), body, began, request_id, outlet.respond)
        self._chunks = head.chunks
        self._outlet = outlet
        self._going = going
        self._timer: asyncio.TimerHandle | None = None

    def sent(self, pool: Pool, exchange: Exchange) -> None:
        """Note where the request went, and take the answer as it comes."""
        super().sent(pool, exchange)
        exchange.taker = self

    def parted(self, reply: Reply) -> None:
        """Pass on what has come of the model's answer."""
        try:
            self._pass_on(reply)
        except Exception:
            log.exception("request %s failed", self._request_id)
            self.fail()

    def answered(self, outcome: Reply | Broken) -> None:
        """Pass on the rest of the answer, or say why there is none."""
        good = isinstance(outcome, Reply) and 200 <= outcome.status < 300
        if self._timer is None and not good:
            super().answered(outcome)
            return
        self._exchange = None
        self._lane.leave()
        if isinstance(outcome, Broken):
            self._break_off(BROKEN)
            return
        self.parted(outcome)
        self._finish(outcome.status)

    def go_on(self) -> None:
        """Read on in the model's answer: the client has taken everything."""
        if self._exchange is not None and self._exchange.carrier is not None:
            self._exchange.carrier.resume()

    def gone(self) -> None:
        """End the work for a client that has gone."""
        self._stop_model(at_fault=False)
        self._finish(200)

    def fail(self) -> None:
        """End the stream for a reason of our own; one that has not begun is an error as ever."""
        self._stop_model(at_fault=False)
        if self._timer is None:
            self._count(0)
            self._refuse(answers.internal("An internal failure occurred."))
        else:
            self._break_off(INTERNAL)

    def _pass_on(self, reply: Reply) -> None:
        if self._timer is not None:
            self._send(reply.body)
            return
        came = self._plane.stopwatch()
        self._begin(reply)
        if reply.body:
            self._send(reply.body)
            self._time_first_chunk(came)

    def _begin(self, reply: Reply) -> None:
        result = self._result(reply)
        fields = result.fields.replace("\r\nContent-Type:", "\r\nX-Amzn-SageMaker-Content-Type:")
        told = f"{REQUEST_ID_FIELD}: {self._request_id}\r\n{fields}Content-Type: {CONTENT_TYPE}\r\n"
        # HTTP/1.0 has no chunks: the end of the connection is that of the answer (RFC 9112, section 6.3).
        framing = "Transfer-Encoding: chunked" if self._chunks else "Connection: close"
        self._plane.deadlines.forget(self)
        self._timer = asyncio.get_running_loop().call_later(STREAM_S, self._too_long)
        self._going.add(self)
        self._outlet.attach(self)
        self._outlet.send_piece(f"HTTP/1.1 200 OK\r\n{told}{framing}\r\n\r\n".encode("latin-1", "replace"))

    def _time_first_chunk(self, came: float) -> None:
        model_us = int((came - self._sent_at) * 1e6)
        overhead_us = int((self._plane.stopwatch() - self._began) * 1e6) - model_us
        meter = self._plane.meter
        self._lane.counted(meter).count_first_chunk(model_us=model_us, overhead_us=overhead_us, minute=meter.minute)

    def _send(self, data: bytes) -> None:
        if data and self in self._going:
            self._write(frame(PART, data))

    def _write(self, message: bytes) -> None:
        taken = self._outlet.send_piece(b"%x\r\n%b\r\n" % (len(message), message) if self._chunks else message)
        if not taken and self._exchange is not None and self._exchange.carrier is not None:
            self._exchange.carrier.pause()

    def _too_long(self) -> None:
        self._stop_model(at_fault=True)
        self._break_off(TOO_LONG)

    def _stop_model(self, *, at_fault: bool) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None and self._pool is not None:
            self._pool.give_up(exchange, at_fault=at_fault)
            self._lane.leave()

    def _break_off(self, why: Failure) -> None:
        if self in self._going:
            told = why.error_code or why.name
            log.warning("the stream of request %s to endpoint %s: %s", self._request_id, self.parameters.endpoint, told)
            self._finish(0, why.encode())

    def _finish(self, status: int, message: bytes = b"") -> None:
        """End the stream that goes on, counted, with a message; `status` is the model's, 0 if the stream broke off."""
        if self in self._going:
            self._going.remove(self)
            assert self._timer is not None, "it began"
            self._timer.cancel()
            self._outlet.attach(None)
            self._count(status)
            self._lane.counted(self._plane.meter).count_stream(broken=not status)
            if message:
                self._write(message)
            self._end(Last(b"0\r\n\r\n" if self._chunks else b""))

"""The life of an invocation: admit, choose an instance, forward, count, answer.

Everything happens on one event loop, by callbacks, since a task a request would cost more than
the request. A request is counted once its first byte went to a model, and before its client hears.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from clary.core.clock import Clock
from clary.core.errors import ServiceError, UnknownOperation
from clary.gateway import answers
from clary.gateway.admission import Admission, Admitted
from clary.gateway.answers import Answer
from clary.gateway.deadlines import Deadlines
from clary.gateway.heads import Head
from clary.gateway.instances import Instances
from clary.gateway.parameters import Parameters, read, unsupported
from clary.gateway.replies import Broken, Reply
from clary.gateway.upstream import Exchange, Overloaded, Pool, Unreachable
from clary.resources.route import Route, RoutedVariant
from clary.store.counters import Meter
from clary.wire.message import Request

log = logging.getLogger(__name__)

ATTEMPTS_MAX = 3
"""Instances that are tried in turn while none takes the request."""
VARIANT_FIELD = "x-Amzn-Invoked-Production-Variant"
RESULT_FIELDS = {
    "content-type": "Content-Type",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
}
"""What a client is told of the model's header fields."""

NODE = 2**48 - 1
"""The last group of a UUID."""

Respond = Callable[[Answer, str], None]
"""Receives the answer and the request's id; called once."""


@dataclass(frozen=True, slots=True)
class Plane:
    """What every invocation of a worker works with."""

    clock: Clock
    stopwatch: Callable[[], float]  # seconds to the microsecond, which the event loop's own time does not tell
    admission: Admission
    instances: Instances
    meter: Meter
    chance: Callable[[], float]  # from 0 up to 1
    deadlines: Deadlines
    request_ids: Iterator[str]

    def invoke(self, head: Head, body: bytes, began: float, respond: Respond) -> None:
        """Answer one request, whatever happens; `began` is when its head had come, by the stopwatch."""
        request_id = next(self.request_ids)
        try:
            if head.streams:
                raise UnknownOperation("InvokeEndpointWithResponseStream is not built in Clary yet.")
            invocation = Invocation(self, read(head), body, began, request_id, respond)
            request = Request("POST", head.path, head.query, head.headers, body)
            self.admission.admit(request, invocation.parameters.told(), invocation.admitted)
        except ServiceError as error:
            respond(answers.refusal(error), request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            respond(answers.refusal(answers.internal("An internal failure occurred.")), request_id)


class Invocation:
    """One invocation on its way; what the pools of instances call back."""

    __slots__ = (
        "_account", "_began", "_body", "_exchange", "_plane", "_pool", "_refused", "_region", "_request_id",
        "_respond", "_sent_at", "_variant", "parameters",
    )  # fmt: skip

    def __init__(
        self, plane: Plane, parameters: Parameters, body: bytes, began: float, request_id: str, respond: Respond
    ) -> None:
        self.parameters = parameters
        self._plane = plane
        self._body = body
        self._began = began
        self._request_id = request_id
        self._respond = respond
        self._refused: frozenset[str] = frozenset()
        self._sent_at = 0.0
        self._pool: Pool | None = None
        self._exchange: Exchange | None = None

    def admitted(self, outcome: Admitted | ServiceError) -> None:
        """Go on once it is known whether the caller may."""
        try:
            if isinstance(outcome, ServiceError):
                raise outcome
            self._account, self._region = outcome.account, outcome.region
            self._variant = self._chosen_variant()
            self._plane.deadlines.watch(self)
            self._forward()
        except ServiceError as error:
            self._refuse(error)
        except Exception:
            log.exception("request %s failed", self._request_id)
            self._refuse(answers.internal("An internal failure occurred."))

    def begun(self) -> None:
        """Note when the request went to the model."""
        self._sent_at = self._plane.stopwatch()

    def unreachable(self) -> None:
        """Try elsewhere: the request waited for an instance that has gone."""
        try:
            self._forward()
        except ServiceError as error:
            self._refuse(error)

    def answered(self, outcome: Reply | Broken) -> None:
        """Pass on what the model answered, or say why there is no answer."""
        try:
            self._count(outcome.status if isinstance(outcome, Reply) else 0)
            self._end(self._told(outcome))
        except ServiceError as error:
            self._refuse(error)
        except Exception:
            log.exception("request %s failed", self._request_id)
            self._refuse(answers.internal("An internal failure occurred."))

    def timed_out(self) -> None:
        """Give up: the model, or the queue before it, took too long."""
        assert self._pool is not None, "the clock runs from the first attempt on"
        assert self._exchange is not None, "an attempt that failed has stopped the clock"
        if self._pool.give_up(self._exchange):
            self._count(0)
            self._refuse(self._model_error(0, answers.TIMED_OUT))
        else:
            self._refuse(answers.overloaded("The model was busy with other requests for too long."))

    def _chosen_variant(self) -> RoutedVariant:
        endpoint = self.parameters.endpoint
        route = self._plane.instances.route((self._account, self._region, endpoint))
        if route is None:
            raise answers.not_found(self._account, endpoint)
        refused = unsupported(self.parameters)
        if refused is not None:
            raise refused
        return choose(route, self.parameters.target_variant, self._plane.chance)

    def _forward(self) -> None:
        """Send to the least busy instance that takes the request."""
        request = self._encoded()
        while len(self._refused) < ATTEMPTS_MAX:
            chosen = self._plane.instances.least_busy(self._variant, self._refused)
            if chosen is None:
                break
            name, self._pool = chosen
            self._refused |= {name}
            try:
                self._exchange = self._pool.ask(self, request)
            except Unreachable:
                continue
            except Overloaded:
                raise answers.overloaded("Too many requests wait for the model. Reduce your request rate.") from None
            return
        raise answers.overloaded("No instance of the endpoint takes requests at the moment.")

    def _encoded(self) -> bytes:
        start = "POST /invocations HTTP/1.1\r\nhost: localhost:8080\r\n"
        fields = f"{start}{self.parameters.fields}content-length: {len(self._body)}\r\n\r\n"
        return fields.encode("latin-1") + self._body

    def _told(self, outcome: Reply | Broken) -> Answer:
        if isinstance(outcome, Reply):
            if 200 <= outcome.status < 300:
                return self._result(outcome)
            raise self._model_error(outcome.status, outcome.body.decode("utf-8", "replace"))
        log.warning("request %s to endpoint %s: %s", self._request_id, self.parameters.endpoint, outcome.reason)
        if outcome.malformed:
            raise self._model_error(0, outcome.reason)
        raise answers.internal(f"{outcome.reason[0].upper()}{outcome.reason[1:]}.")

    def _model_error(self, status: int, said: str) -> ServiceError:
        return answers.model_error(self._region, self._account, self.parameters.endpoint, status, said)

    def _result(self, reply: Reply) -> Answer:
        fields = [(RESULT_FIELDS[name], value) for name, value in reply.headers.items() if name in RESULT_FIELDS]
        return Answer(200, ((VARIANT_FIELD, self._variant.name), *fields), reply.body)

    def _count(self, status: int) -> None:
        now = self._plane.stopwatch()
        model_s = now - self._sent_at
        slot = self._plane.meter.slot(self._account, self._region, self.parameters.endpoint, self._variant.name)
        overhead_us = max(0, round((now - self._began - model_s) * 1e6))
        minute = self._plane.meter.minute
        slot.count(status, model_us=round(model_s * 1e6), overhead_us=overhead_us, minute=minute)

    def _refuse(self, error: ServiceError) -> None:
        self._end(answers.refusal(error))

    def _end(self, answer: Answer) -> None:
        self._plane.deadlines.forget(self)
        self._respond(answer, self._request_id)


def choose(route: Route, wanted: str, chance: Callable[[], float]) -> RoutedVariant:
    """Return the variant that the client wants, else one by weight, or raise the ValidationError."""
    if wanted:
        for variant in route.variants:
            if variant.name == wanted:
                return variant
        raise answers.invalid(f"Variant {wanted} not found for endpoint {route.endpoint} of account {route.account}.")
    if len(route.variants) == 1:
        return route.variants[0]
    mark = chance() * sum(variant.weight for variant in route.variants)
    for variant in route.variants:
        mark -= variant.weight
        if mark < 0:
            return variant
    return route.variants[-1]


def request_ids(first: int) -> Iterator[str]:
    """Return identifiers in the form of UUIDs that are never repeated; `first`, of 128 bits, is drawn by chance."""
    start = f"{first:032x}"
    prefix = f"{start[:8]}-{start[8:12]}-4{start[13:16]}-a{start[17:20]}-"
    for number in count(first):
        yield f"{prefix}{number & NODE:012x}"

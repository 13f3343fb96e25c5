"""The life of an invocation: admit, choose an instance, forward, count, answer.

Everything happens on one event loop, by callbacks, since a task a request would cost more than
the request. A request is counted once if it went to a model, before its client hears. One whose
instance died before it answered is sent once more (docs/decisions/0008).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from clary.core.clock import Clock
from clary.core.errors import ServiceError
from clary.gateway import answers
from clary.gateway.admission import Admission
from clary.gateway.answers import Answer, Encoded, NobodyThere
from clary.gateway.deadlines import Deadlines
from clary.gateway.endpoints import Endpoint
from clary.gateway.forms import Filled, Form
from clary.gateway.heads import Head
from clary.gateway.instances import Instances
from clary.gateway.known import Admitted
from clary.gateway.lanes import Lane
from clary.gateway.parameters import Parameters, read, unsupported
from clary.gateway.replies import Broken, Reply
from clary.gateway.upstream import Exchange, Parts, Pool
from clary.store.counters import Meter
from clary.store.inference_ids import Notes
from clary.wire.message import Request

log = logging.getLogger(__name__)

ATTEMPTS_MAX = 2
"""Times that a request is sent to a model: once more if the first never came to a whole answer."""
LARGE_BYTES = 64 * 1024
"""A body beyond this is sent to the model as it is, instead of being copied behind its head."""
ATTRIBUTES_FIELD = "x-amzn-sagemaker-custom-attributes"
NODE = 2**48 - 1
"""The last group of a UUID."""

Respond = Callable[[Encoded, str], None]
"""Receives the answer and the request's id; called once."""


@dataclass(frozen=True, slots=True)
class Plane:
    """What every invocation of a worker works with."""

    clock: Clock
    stopwatch: Callable[[], float]  # seconds to the microsecond, which the event loop's own time does not tell
    admission: Admission
    instances: Instances
    meter: Meter
    queue: Deadlines  # of requests that wait for an instance
    deadlines: Deadlines  # of requests that went to one
    request_ids: Iterator[str]
    notes: Notes

    def invoke(self, head: Head | Filled, form: Form | None, body: bytes, began: float, respond: Respond) -> None:
        """Answer one request, whatever happens; `began` is when its head had come, by the stopwatch."""
        request_id = next(self.request_ids)
        try:
            if isinstance(head, Filled):
                admitted = self.admission.admit_alike(head, body)
                if admitted is not None:
                    Invocation(self, head.form.parameters, body, began, request_id, respond).admitted(admitted)
                    return
                head = head.head()
            invocation = Invocation(self, read(head), body, began, request_id, respond)
            request = Request("POST", head.path, head.query, head.headers, body, head.secure)
            self.admission.admit(request, invocation.parameters.told, invocation.admitted, form)
        except ServiceError as error:
            respond(answers.refusal(error), request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            respond(answers.refusal(answers.internal("An internal failure occurred.")), request_id)


class Invocation:
    """One invocation on its way; what the lanes of instances call back."""

    __slots__ = (
        "_account", "_attempts", "_began", "_body", "_endpoint", "_exchange", "_lane", "_plane", "_pool", "_region",
        "_request_id", "_respond", "_sent_at", "_waits", "parameters", "request", "tried",
    )  # fmt: skip

    def __init__(
        self, plane: Plane, parameters: Parameters, body: bytes, began: float, request_id: str, respond: Respond
    ) -> None:
        self.parameters = parameters
        self.request: Parts = (b"",)
        self.tried: tuple[Pool, ...] = ()
        self._plane = plane
        self._body = body
        self._began = began
        self._request_id = request_id
        self._respond = respond
        self._attempts = 0
        self._waits = False
        self._sent_at = 0.0
        self._endpoint: Endpoint
        self._lane: Lane
        self._pool: Pool | None = None
        self._exchange: Exchange | None = None

    def admitted(self, outcome: Admitted | ServiceError) -> None:
        """Go on once it is known whether the caller may."""
        try:
            if isinstance(outcome, ServiceError):
                raise outcome
            self._account, self._region = outcome.account, outcome.region
            self.request = self._encoded()
            self._enter()
        except ServiceError as error:
            self._refuse(error)
        except Exception:
            log.exception("request %s failed", self._request_id)
            self._refuse(answers.internal("An internal failure occurred."))

    def begun(self) -> None:
        """Note when the request went to the model."""
        self._sent_at = self._plane.stopwatch()

    def sent(self, pool: Pool, exchange: Exchange) -> None:
        """Note where the request went."""
        self._pool, self._exchange = pool, exchange
        self._attempts += 1
        if self._attempts == 1:
            self._plane.deadlines.watch(self)
        if self._waits:
            self._waits = False
            self._plane.queue.forget(self)

    def rerouted(self) -> None:
        """Find another way: the variant that the request waited for has gone."""
        try:
            self._enter()
        except ServiceError as error:
            self.turned_away(error)

    def turned_away(self, error: ServiceError) -> None:
        """Give up: the request waited in vain, and there is no other lane of its variant."""
        if isinstance(error, NobodyThere):
            with suppress(ServiceError):
                self._lane = self._endpoint.enter_beside(self._lane, self)
                return
        if self._attempts:  # it waited to be sent once more
            self._count(0)
        self._refuse(error)

    def answered(self, outcome: Reply | Broken) -> None:
        """Pass on what the model answered, or say why there is no answer."""
        try:
            self._exchange = None  # it knows this invocation: nothing is left to the garbage collector
            self._lane.leave()
            if isinstance(outcome, Broken) and self._again(outcome):
                return
            self._count(outcome.status if isinstance(outcome, Reply) else 0)
            self._end(self._told(outcome))
        except ServiceError as error:
            self._refuse(error)
        except Exception:
            log.exception("request %s failed", self._request_id)
            self._refuse(answers.internal("An internal failure occurred."))

    def timed_out(self) -> None:
        """Give up: the model, or the queue before it, took too long."""
        if self._exchange is None:
            self._lane.waiting.pop(self, None)
            self.turned_away(answers.overloaded("The model was busy with other requests for too long."))
            return
        assert self._pool is not None, "an exchange is somewhere"
        self._pool.give_up(self._exchange)
        self._lane.leave()
        self._count(0)
        self._refuse(self._model_error(0, answers.TIMED_OUT))

    def _enter(self) -> None:
        """Go to the variant that the client wants, or whose turn it is."""
        self._endpoint = self._found()
        self._lane = self._endpoint.choose(self.parameters.target_variant)
        self._enter_lane()

    def _enter_lane(self) -> None:
        self._exchange = None
        try:
            self._lane.enter(self)
        except NobodyThere:
            self._lane = self._endpoint.enter_beside(self._lane, self)
        if self._exchange is None:
            self._waits = True
            self._plane.queue.watch(self)

    def _again(self, broken: Broken) -> bool:
        """Send the request once more if its answer broke off; return whether that could be."""
        assert self._pool is not None, "it was sent"
        others = not self._lane.pools or self._endpoint.has_other(self._lane, self._pool)
        if broken.malformed or self._attempts >= ATTEMPTS_MAX or not (others or broken.stale):
            return False
        self.tried = (self._pool,) if others else ()
        try:
            if self._lane.pools:
                self._enter_lane()
            else:  # the variant has gone meanwhile
                self._enter()
        except ServiceError:
            return False
        return True

    def _found(self) -> Endpoint:
        name = self.parameters.endpoint
        endpoint = self._plane.instances.endpoint((self._account, self._region, name))
        if endpoint is None:
            raise answers.not_found(self._account, name)
        refused = unsupported(self.parameters)
        if refused is not None:
            raise refused
        return endpoint

    def _encoded(self) -> Parts:
        head, body = self.parameters.head, self._body
        if len(body) > LARGE_BYTES:
            return b"%b%d\r\n\r\n" % (head, len(body)), body
        return (b"%b%d\r\n\r\n%b" % (head, len(body), body),)

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
        if told := self.parameters.inference_id:
            place = (self._account, self._region, self.parameters.endpoint, self._lane.name)
            self._plane.notes.note(*place, told, self._request_id)
        get = reply.headers.get
        fields = answers.result_fields(self._lane.name, get("content-type"), get(ATTRIBUTES_FIELD))
        return Answer(200, fields, reply.body)

    def _count(self, status: int) -> None:
        meter, sent_at = self._plane.meter, self._sent_at
        model_us = int((self._plane.stopwatch() - sent_at) * 1e6)
        overhead_us = int((sent_at - self._began) * 1e6)
        slot = self._lane.slot or self._lane.counted(meter)
        slot.count(status, model_us=model_us, overhead_us=overhead_us, minute=meter.minute)

    def _refuse(self, error: ServiceError) -> None:
        self._end(answers.refusal(error))

    def _end(self, answer: Encoded) -> None:
        if self._waits:
            self._plane.queue.forget(self)
        self._plane.deadlines.forget(self)
        self._respond(answer, self._request_id)
        if self._attempts:
            for shadow in self._endpoint.shadows:
                shadow.mirror(self.request, self._plane)


def request_ids(first: int) -> Iterator[str]:
    """Return identifiers in the form of UUIDs that are never repeated; `first`, of 128 bits, is drawn by chance."""
    start = f"{first:032x}"
    prefix = f"{start[:8]}-{start[8:12]}-4{start[13:16]}-a{start[17:20]}-"
    for number in count(first):
        yield f"{prefix}{number & NODE:012x}"

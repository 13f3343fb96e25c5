"""What happens to every call, from outside or from inside: authorise, run, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from botocore.model import OperationModel, ServiceModel

from clary.access.context import request_context
from clary.access.match import Context
from clary.access.principal import Principal
from clary.access.requirements import requirements
from clary.core.clock import Clock
from clary.core.errors import AccessDenied, ServiceError, ServiceUnavailable, StaleRecord, UnknownOperation
from clary.core.ids import uid
from clary.server.guards import judge
from clary.server.registry import Registry, Service
from clary.server.trail import TEXT_MAX, shown
from clary.services.operation import Answer, Call, Caller, Handler, Wait
from clary.store.audit import Entry
from clary.store.bound import BoundStore
from clary.store.records import Record
from clary.store.store import Store
from clary.wire.message import Request
from clary.wire.protocol import protocols_of

SWAPS_MAX = 10
PLACES_MAX = 256
"""Of how many accounts and regions the stores are kept at hand."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call before it is decided upon."""

    service: Service
    operation: OperationModel
    params: Mapping[str, Any]
    principal: Principal
    region: str
    request_id: str
    http: Request | None = None
    source: str = "clary.internal"
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Performer:
    """Runs operations."""

    store: Store
    registry: Registry
    clock: Clock

    @cached_property
    def _bound(self) -> Callable[[str, str], BoundStore]:
        """Return what gives the store of an account in a region, the same one each time."""
        return lru_cache(PLACES_MAX)(self.store.bind)

    def perform(self, asked: Asked, caller: Caller) -> Answer:
        """Return the operation's result, or raise its ServiceError; either way there is a row of it."""
        error = ""
        try:
            handler = self._handler(asked)
            bucket = self._authorise(asked)
            return self._run(handler, asked, caller, bucket)
        except ServiceError as refused:
            error = refused.code
            raise
        except BaseException:
            error = "InternalFailure"
            raise
        finally:
            self.store.audit.note(self._entry(asked, error))

    def _run(self, handler: Handler, asked: Asked, caller: Caller, bucket: Record | None) -> Answer:
        """Run a handler, anew where another writer came first: it has written nothing then."""
        for swaps in range(SWAPS_MAX):
            with suppress(StaleRecord):
                return handler(self._call(asked, caller, None if swaps else bucket), asked.params)
        raise ServiceUnavailable("Too many others change this resource at the moment. Please try again.")

    def _handler(self, asked: Asked) -> Handler:
        handler = asked.service.handlers.get(asked.operation.name)
        if handler is None:
            raise UnknownOperation(f"{asked.service.name} {asked.operation.name} is not built in Clary yet.")
        return handler

    def _authorise(self, asked: Asked) -> Record | None:
        """Return what was read of the bucket that the call is about, or raise AccessDenied."""
        bucket = None
        needed = requirements(
            asked.service.name,
            asked.operation.name,
            asked.params,
            account=asked.principal.account,
            region=asked.region,
            context=asked.context,
            caller=asked.principal.arn,
        )
        for requirement in needed:
            decision, bucket = judge(requirement, asked.principal, self.store, asked.params.get("VersionId", ""))
            if not decision.allowed:
                raise AccessDenied(decision.message, code=_denial_code(asked.operation.service_model))
        return bucket

    def _call(self, asked: Asked, caller: Caller, bucket: Record | None) -> Call:
        return Call(
            service=asked.service.name,
            operation=asked.operation.name,
            account=asked.principal.account,
            region=asked.region,
            principal=asked.principal,
            now=self.clock(),
            request_id=asked.request_id,
            store=self._bound(asked.principal.account, asked.region),
            caller=caller,
            http=asked.http,
            context=asked.context,
            bucket=bucket,
        )

    def _entry(self, asked: Asked, error: str) -> Entry:
        shape = asked.operation.input_shape
        return Entry(
            at=self.clock(),
            request_id=asked.request_id,
            account=asked.principal.account,
            region=asked.region,
            principal=asked.principal.arn,
            service=asked.service.name,
            operation=asked.operation.name,
            source=asked.source,
            agent="" if asked.http is None else asked.http.headers.get("user-agent")[:TEXT_MAX],
            params={} if shape is None else shown(shape)(asked.params),
            error=error,
        )


def _denial_code(model: ServiceModel) -> str:
    """Return how a service calls a denial: those that spoke XML first have a shorter word for it."""
    older = {"query", "ec2", "rest-xml"} & set(protocols_of(model))
    return "AccessDenied" if older or model.is_query_compatible else AccessDenied.code


@dataclass(frozen=True, slots=True)
class InternalClient:
    """Calls the operations of one service from inside; see services.operation.Client."""

    performer: Performer
    caller: Caller
    service: Service
    region: str
    principal: Principal

    def __call__(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the operation's result, or raise its ServiceError."""
        model = self.service.model.operation_model(operation)
        context = request_context(now=self.performer.clock(), secure=True)
        asked = Asked(self.service, model, params, self.principal, self.region, request_id=uid(), context=context)
        answer = self.performer.perform(asked, self.caller)
        return dict((answer.otherwise if isinstance(answer, Wait) else answer) or {})

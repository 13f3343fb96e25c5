"""Which operation a request means: the service by target prefix or signing name, the operation by its protocol.

Every service that botocore knows is found, so that what is not built can be refused by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from botocore.model import OperationModel, ServiceModel

from clary.core.errors import UnknownOperation
from clary.services.operation import Handler, Operations, handlers
from clary.wire.message import Request
from clary.wire.models import Models
from clary.wire.protocol import Protocol, detect, speaks_query
from clary.wire.service_index import ServiceIndex

UNSIGNED = "s3"
"""S3 alone answers requests that carry no credentials."""


@dataclass(frozen=True, slots=True)
class Service:
    """An AWS service: its model, and the handlers of its operations."""

    name: str
    model: ServiceModel
    handlers: Mapping[str, Handler]
    in_query: ServiceModel | None = None  # of a service that left query, and is still spoken to in it


@dataclass(frozen=True, slots=True)
class Match:
    """What a request means; `operation` is None where the service has none such, and `error` says so."""

    service: Service
    model: ServiceModel
    protocol: Protocol
    operation: OperationModel | None
    error: UnknownOperation | None = None


class Registry:
    """The services of this Clary, and, by model alone, every other one that botocore knows."""

    def __init__(self, models: Models, index: ServiceIndex, groups: Mapping[str, Sequence[Operations]]) -> None:
        self._models = models
        self._index = index
        self._groups = groups
        self._services: dict[str, Service] = {}

    def service(self, name: str) -> Service:
        """Return a service by the name of its model; one that is not built has no handlers."""
        found = self._services.get(name)
        if found is None:
            handled = handlers(self._groups.get(name, ()))
            found = Service(name, self._models.load(name), handled, self._models.load_query(name))
            self._services[name] = found
        return found

    def match(self, request: Request, signing_name: str) -> Match | None:
        """Return what a request means, or None when no service signs by that name."""
        first: Match | None = None
        for name in self._candidates(request, signing_name):
            match = _match(self.service(name), request)
            if match.operation is not None:
                return match
            first = first or match
        return first

    def _candidates(self, request: Request, signing_name: str) -> list[str]:
        named = self._index.by_target.get(request.headers.get("x-amz-target").rpartition(".")[0])
        if named is not None:
            return [named]
        # Those that are built come first, so that the models of their siblings are seldom read.
        return sorted(
            self._index.by_signing.get(signing_name or UNSIGNED, ()), key=lambda name: name not in self._groups
        )


def _match(service: Service, request: Request) -> Match:
    model = service.in_query if service.in_query is not None and speaks_query(request) else service.model
    protocol = detect(model, request)
    try:
        return Match(service, model, protocol, protocol.find_operation(model, request))
    except UnknownOperation as error:
        return Match(service, model, protocol, None, error)

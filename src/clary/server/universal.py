"""Any operation of any service, called from inside by the name that AWS's SDKs give the service, with JSON parameters.

EventBridge Scheduler user guide, «Using universal targets».
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clary.access.principal import Principal
from clary.core.errors import ValidationError
from clary.server.internal import InternalCaller
from clary.server.registry import Service
from clary.wire.json_codec import JSON
from clary.wire.validation import validate


def call_named(
    caller: InternalCaller, names: Iterable[str], action: tuple[str, str], place: tuple[str, Principal], params: Any
) -> dict[str, Any]:
    """Return the result of an action, a service and its operation, or raise its ServiceError.

    `names` are the services that there are; `place` is the region, and who calls.
    """
    (wanted, operation), (region, principal) = action, place
    service = _service(caller, names, wanted)
    if service is None or operation not in service.model.operation_names:
        raise ValidationError(f"{wanted}:{operation} is not a supported API.")
    model = service.model.operation_model(operation)
    given: Mapping[str, Any] = {} if model.input_shape is None else JSON.decode(model.input_shape, params)
    validate(model, given)
    return caller.client(service.name, region, principal)(operation, **given)


def _service(caller: InternalCaller, names: Iterable[str], wanted: str) -> Service | None:
    """Return the service that SDKs call so: «CloudWatch Logs» is cloudwatchlogs."""
    ordered = sorted(names, key=lambda name: name != wanted)  # most are called as their models are
    services = (caller.performer.registry.service(name) for name in ordered)
    return next((each for each in services if _sdk_name(each) == wanted.lower()), None)


def _sdk_name(service: Service) -> str:
    return str(service.model.metadata["serviceId"]).replace(" ", "").lower()

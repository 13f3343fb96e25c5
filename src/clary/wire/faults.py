"""What an error is called on the wire: the modelled exception's code and status where the model has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from clary.core.errors import ServiceError
from clary.wire.query_codes import query_code


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as one service tells it: `name` is the shape's, `code` the one that clients match on."""

    name: str
    code: str
    status: int
    message: str
    shape: StructureShape | None
    members: Mapping[str, Any]

    @property
    def sender(self) -> bool:
        """Whether the client is to blame."""
        return self.status < 500

    @property
    def message_member(self) -> str:
        """The name of the member that holds the message."""
        members = self.shape.members if self.shape else ()
        return next((name for name in members if name.lower() == "message"), "message")


def resolve(model: ServiceModel, operation: OperationModel | None, error: ServiceError) -> Fault:
    """Return how `model`'s service tells `error`."""
    shape = _modelled(model, operation, error.code)
    if shape is None:
        return Fault(error.code, error.code, error.status, error.message, None, error.members)
    code = query_code(model.service_name, shape.name) or _code(shape)
    return Fault(shape.name, code, _status(shape, error), error.message, shape, error.members)


def _modelled(model: ServiceModel, operation: OperationModel | None, code: str) -> StructureShape | None:
    """Return the exception of this code or shape name: the operation's own, else any of the service."""
    own = _named(operation.error_shapes, code) if operation else None
    return own or _named(model.error_shapes, code)


def _named(shapes: Iterable[Shape], code: str) -> StructureShape | None:
    structures = (shape for shape in shapes if isinstance(shape, StructureShape))
    return next((shape for shape in structures if code in (shape.name, _code(shape))), None)


def _code(shape: Shape) -> str:
    """Return the code that clients match on, which is the shape's name where the model gives none."""
    return shape.metadata.get("error", {}).get("code") or shape.name


def _status(shape: StructureShape, error: ServiceError) -> int:
    """Return the modelled status; where the model is silent a client's fault is 400, a server's 500."""
    modelled = shape.metadata.get("error", {}).get("httpStatusCode")
    if modelled is not None:
        return int(modelled)
    if error.status != ServiceError.status:
        return error.status
    traits = vars(shape)["_shape_model"]  # botocore has no accessor for the trait `fault`
    return 500 if traits.get("fault") else 400

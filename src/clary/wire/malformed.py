"""The refusal of a request that cannot be read at all, before any rule of the model is looked at.

The words are those of AWS's own JSON reader, since people search the web for them.
"""

from __future__ import annotations

from typing import Any

from clary.core.errors import ServiceError

_JAVA_NAMES = {"long": "Long", "integer": "Integer", "float": "Float", "double": "Double", "boolean": "Boolean"}


class SerializationError(ServiceError):
    """The body, a header or the path does not hold what the model says."""

    code = "SerializationException"
    status = 400


class MalformedXml(ServiceError):
    """An XML body is not well-formed, or not what the model says."""

    code = "MalformedXML"
    status = 400


class MalformedInput(ServiceError):
    """A form holds a value that its parameter cannot have."""

    code = "MalformedInput"
    status = 400


def wrong_type(value: Any, wanted: str) -> SerializationError:
    """Return the error for a JSON or CBOR value where the model wants a value of type `wanted`."""
    if isinstance(value, list):
        return SerializationError("Start of list found where not expected")
    if isinstance(value, dict):
        return SerializationError("Start of structure or map found where not expected.")
    if wanted in ("structure", "map", "list"):
        return SerializationError("Unexpected field type")
    article = "an" if wanted == "integer" else "a"
    return SerializationError(f"{_token(value)} can not be converted to {article} {_JAVA_NAMES.get(wanted, 'String')}")


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"

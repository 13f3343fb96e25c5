"""The parameters of InvokeEndpoint, read from a request head and held against AWS's model. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from clary.core.errors import ServiceError
from clary.gateway.answers import invalid
from clary.gateway.heads import PREFIX, Head

NAME_PATTERN = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?")
"""Matches what AWS's pattern does, faster."""
NAME_CHARACTERS_MAX = 63
LENGTHS = {
    "content-type": ("contentType", 1024),
    "accept": ("accept", 1024),
    f"{PREFIX}custom-attributes": ("customAttributes", 1024),
    f"{PREFIX}inference-id": ("inferenceId", 64),
    f"{PREFIX}target-model": ("targetModel", 1024),
    f"{PREFIX}target-variant": ("targetVariant", NAME_CHARACTERS_MAX),
}
UNSUPPORTED = {
    f"{PREFIX}target-model": "Endpoint {} is not a multi-model endpoint and does not support target model header.",
    f"{PREFIX}target-container-hostname": (
        "Endpoint {} is not a multi-container endpoint and does not support target container hostname header."
    ),
    f"{PREFIX}inference-component": "Endpoint {} does not have inference components.",
    f"{PREFIX}session-id": "Endpoint {} does not support stateful sessions.",
    f"{PREFIX}enable-explanations": "Endpoint {} does not have an explainer.",
}
KNOWN_MAX, ASKED_MAX = 2048, 8
"""Kinds of requests that are remembered, enough for some thousand endpoints, and how many fields they may have."""
CHARACTERS_MAX = 1024
"""Of a header field that asks for something, unless AWS says otherwise."""
START = "POST /invocations HTTP/1.1\r\nhost: localhost:8080\r\n"


class Parameters(NamedTuple):
    """What the client asks for beside the body."""

    endpoint: str
    target_variant: str
    target_model: str
    inference_id: str
    fields: str  # the header fields that the model receives
    head: bytes  # of the request to the model, up to the number of its body's bytes
    told: tuple[tuple[str, str], ...]  # what a policy may speak of, under the names of AWS's model


def read(head: Head) -> Parameters:
    """Return the parameters, or raise the ValidationError that AWS answers."""
    asked = head.asked
    return _read(head.endpoint, asked) if len(asked) <= ASKED_MAX else _read.__wrapped__(head.endpoint, asked)


@lru_cache(KNOWN_MAX)  # what an endpoint is asked differs from request to request in the body alone
def _read(endpoint: str, asked: tuple[tuple[str, str], ...]) -> Parameters:
    if len(endpoint) > NAME_CHARACTERS_MAX:
        raise _broken(f"Value '{endpoint}' at 'endpointName'", _at_most(NAME_CHARACTERS_MAX))
    if NAME.fullmatch(endpoint) is None:
        rule = f"Member must satisfy regular expression pattern: {NAME_PATTERN}"
        raise _broken(f"Value '{endpoint}' at 'endpointName'", rule)
    for name, value in asked:
        _check(name, value)
    variant, model = _joined(asked, f"{PREFIX}target-variant"), _joined(asked, f"{PREFIX}target-model")
    fields = "".join(f"{name}: {value}\r\n" for name, value in asked)
    told = (("EndpointName", endpoint), ("TargetVariant", variant), ("TargetModel", model))
    return Parameters(
        endpoint=endpoint,
        target_variant=variant,
        target_model=model,
        inference_id=_joined(asked, f"{PREFIX}inference-id"),
        fields=fields,
        head=f"{START}{fields}content-length: ".encode("latin-1"),
        told=tuple((name, value) for name, value in told if value),
    )


def _joined(asked: tuple[tuple[str, str], ...], wanted: str) -> str:
    return ",".join(value for name, value in asked if name == wanted)


def unsupported(parameters: Parameters) -> ServiceError | None:
    """Return the error of a header that asks for what no endpoint here can do, or None."""
    if PREFIX in parameters.fields:
        for name, message in UNSUPPORTED.items():
            if f"\r\n{name}: " in f"\r\n{parameters.fields}":
                return invalid(message.format(parameters.endpoint))
    return None


def _check(name: str, value: str) -> None:
    member, longest = LENGTHS.get(name, (name, CHARACTERS_MAX))
    if len(value) > longest:
        raise _broken(f"Value at '{member}'", _at_most(longest))
    if not value.isascii():
        raise _broken(f"Value at '{name}'", r"Member must satisfy regular expression pattern: \p{ASCII}*")


def _at_most(longest: int) -> str:
    return f"Member must have length less than or equal to {longest}"


def _broken(what: str, rule: str) -> ServiceError:
    return invalid(f"1 validation error detected: {what} failed to satisfy constraint: {rule}")

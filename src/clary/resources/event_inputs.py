"""What a target is told of an event: the event, a part of it, a constant, or a template filled in. Pure.

EventBridge user guide, «Amazon EventBridge input transformation».
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

STEP = re.compile(r"\.([^.\[\]]+)|\['([^']*)'\]|\[(\d+|\*)\]")
PATH = re.compile(rf"\$(?:{STEP.pattern})*")
PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
RESERVED = "aws."
Given = Mapping[str, Any]
"""The values of AWS's own variables, such as aws.events.rule-name."""


class BadInput(Exception):
    """An input cannot be made of any event; the text says why."""


def check_input(target: Mapping[str, Any]) -> None:
    """Raise BadInput unless a target says in at most one way, and rightly, what it is to be told."""
    ways = [name for name in ("Input", "InputPath", "InputTransformer") if name in target]
    if len(ways) > 1:
        raise BadInput(f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}.")
    if "Input" in target and not _is_json(target["Input"]):
        raise BadInput(f"JSON syntax error in input for target {target['Id']}.")
    if "InputPath" in target:
        _check_path(target["InputPath"], target["Id"])
    if "InputTransformer" in target:
        _check_transformer(target["InputTransformer"], target["Id"])


def input_of(target: Mapping[str, Any], event: str, given: Given) -> str:
    """Return what a target is told of an event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = list(_select(target["InputPath"], json.loads(event)))
        return _text(found[0] if found else {})
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], json.loads(event), given)
    return event


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any], given: Given) -> str:
    values = {name: found for name, path in transformer.get("InputPathsMap", {}).items()
              if (found := next(_select(path, event), None)) is not None}  # fmt: skip
    own = {
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }
    template: str = transformer["InputTemplate"]
    return _filled(template, {**values, **own, **given})


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template in: within quotes a value is part of the text, else JSON; one that is not there is ''."""
    quoted = _quoted_spans(template)
    sentence = template.lstrip().startswith('"')

    def fill(found: re.Match[str]) -> str:
        value = values.get(found[1], "")
        if not any(start < found.start() < end for start, end in quoted):
            return _text(value)
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)[1:-1]
        told = _text(value)
        return told.replace('"', "") if sentence else json.dumps(told, ensure_ascii=False)[1:-1]

    return PLACEHOLDER.sub(fill, template)


def _quoted_spans(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r'"(?:\\.|[^"\\])*"', text, re.DOTALL)]


def _select(path: str, document: Any) -> Iterator[Any]:
    """Give what a path leads to."""
    found = [document]
    for name, quoted, index in STEP.findall(path):
        found = [inner for each in found for inner in _inner(each, name or quoted, index)]
    return iter(found)


def _inner(value: Any, name: str, index: str) -> Iterator[Any]:
    if not index:
        if isinstance(value, dict) and name in value:
            yield value[name]
    elif isinstance(value, list):
        yield from value if index == "*" else value[int(index) : int(index) + 1]


def _check_path(path: str, target: str) -> None:
    if not PATH.fullmatch(path):
        raise BadInput(f"Parameter InputPath is not valid for target {target}: Invalid JSONPath {path}")


def _check_transformer(transformer: Mapping[str, Any], target: str) -> None:
    paths = transformer.get("InputPathsMap", {})
    for name, path in paths.items():
        if name.lower().startswith(RESERVED) or not PLACEHOLDER.fullmatch(f"<{name}>"):
            raise BadInput(f"Invalid key {name} in InputPathsMap of target {target}.")
        _check_path(path, target)
    template = transformer["InputTemplate"]
    unknown = {name for name in PLACEHOLDER.findall(template) if not name.startswith(RESERVED)} - paths.keys()
    if unknown:
        raise BadInput(f"InputTemplate for target {target} contains invalid placeholder {sorted(unknown)[0]}.")
    filled = _filled(template, dict.fromkeys(PLACEHOLDER.findall(template), 0))
    if not _is_json(filled) and not all(_is_json(line) for line in filled.splitlines() if line.strip()):
        raise BadInput(f"Invalid InputTemplate for target {target} : it must be JSON, or quoted lines of text.")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

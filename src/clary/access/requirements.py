"""What an operation needs: actions on resources, with the condition keys that its parameters give.

A table derived from AWS's own reference (`actions.json`, made by
`tools/access_table.py`) says most of it, `overrides.py` the rest. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from clary.access.decide import Requirement
from clary.access.match import Context, Later, Value
from clary.access.overrides import FREE, PREFIXES, Params, more

Entry = Mapping[str, Any]
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_PAIRS = (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue"))


def requirements(
    service: str,
    operation: str,
    params: Params,
    *,
    account: str,
    region: str,
    context: Context,
    caller: str = "",
) -> list[Requirement]:
    """Return all that has to be allowed for the operation to go on.

    `context` holds what `request_context` gives; `caller` is the principal's ARN,
    which IAM's operations on users mean when they name no user.
    """
    prefix = PREFIXES.get(service, service)
    if (prefix, operation) in FREE:
        return []
    entry = _table().get(prefix, {}).get(operation, {})
    action = entry.get("action", f"{prefix}:{operation}")
    place = {"Partition": "aws", "Region": region, "Account": account}
    resources = _resources(operation, entry, params, place, caller)
    needs = more(prefix, operation, params, [(action, resource) for resource in resources])
    own = Later(lambda: _told(entry, params, region, context))
    return [
        *(Requirement(action, resource, own) for action, resource in needs),
        *_passed(prefix, entry, params, own),
    ]


def _told(entry: Entry, params: Params, region: str, context: Context) -> Context:
    """Return the condition keys of the request and of its parameters, in lower case."""
    way = {name.lower(): value for name, value in context.items()}
    return {"aws:requestedregion": region, **way, **_given(entry, params), **_tags(params)}


@cache  # a file of the package, read once: it cannot change while the program runs
def _table() -> Mapping[str, Mapping[str, Entry]]:
    return json.loads(files("clary.access").joinpath("actions.json").read_text())


def _resources(operation: str, entry: Entry, params: Params, place: Mapping[str, str], caller: str) -> list[str]:
    targets: Sequence[str] = entry.get("targets", ())
    filled: list[str] = []
    for target in targets:
        told = _filled(target.removeprefix("?"), params, place)
        if told is not None:
            filled += told
        elif not target.startswith("?"):
            filled.append(_open(target, params, place, caller))
    if not filled and len(targets) == 1 and not operation.startswith("List"):
        filled.append(_open(targets[0].removeprefix("?"), params, place, caller))
    return list(dict.fromkeys(filled)) or ["*"]


def _filled(template: str, params: Params, place: Mapping[str, str]) -> list[str] | None:
    """Return the ARNs that the request names, None if it leaves a variable open."""
    texts = [template]
    for variable in _VARIABLE.findall(template):
        value = place.get(variable) or params.get(variable) or ("/" if variable == "Path" else None)
        if not value:
            return None
        values = value if isinstance(value, list) else [value]
        # Where a name is wanted SageMaker takes an ARN as well, and that says it all.
        texts = [
            str(each) if str(each).startswith("arn:") else text.replace(f"${{{variable}}}", str(each))
            for text in texts
            for each in values
        ]
    return texts


def _open(template: str, params: Params, place: Mapping[str, str], caller: str) -> str:
    """Return an ARN with `*` for what the request does not name; a user who names none is the caller."""
    if template.endswith(":user/${UserName}"):
        return caller if ":user/" in caller else "*"
    return _VARIABLE.sub(lambda found: str(place.get(found[1]) or params.get(found[1]) or "*"), template)


def _given(entry: Entry, params: Params) -> dict[str, Value]:
    given: dict[str, Value] = {}
    for key, paths in entry.get("keys", {}).items():
        values = [_text(value) for path in paths for value in _at(params, path)]
        if values:
            given[key] = values[0] if len(values) == 1 else values
    return given


def _at(value: Any, path: str) -> Iterator[Any]:
    """Give what stands at a path such as `ProductionVariants[].InstanceType`."""
    if not path:
        yield value
        return
    name, _, rest = path.partition(".")
    found = value.get(name.removesuffix("[]")) if isinstance(value, Mapping) else None
    if found is None:
        return
    for each in found if name.endswith("[]") else (found,):
        yield from _at(each, rest)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tags(params: Params) -> dict[str, Value]:
    tags = params.get("Tags") or params.get("tags")
    given: dict[str, Value] = {}
    if tags:
        pairs = dict(tags) if isinstance(tags, Mapping) else dict(_pair(tag) for tag in tags)
        given = {f"aws:requesttag/{name.lower()}": value for name, value in pairs.items()}
        given["aws:tagkeys"] = list(pairs)
    keys = params.get("TagKeys") or params.get("tagKeys")
    if keys:
        given["aws:tagkeys"] = list(keys)
    return given


def _pair(tag: Any) -> tuple[str, str]:
    for key, value in _PAIRS:
        if isinstance(tag, Mapping) and key in tag:
            return str(tag[key]), str(tag.get(value, ""))
    return str(tag), ""


def _passed(prefix: str, entry: Entry, params: Params, context: Context) -> Iterator[Requirement]:
    roles = dict.fromkeys(role for path in entry.get("passes", ()) for role in _at(params, path) if role)
    for role in roles:
        passed = {**context, "iam:passedtoservice": f"{prefix}.amazonaws.com"}
        yield Requirement("iam:PassRole", str(role), passed)

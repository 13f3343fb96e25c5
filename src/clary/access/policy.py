"""Policy documents, read strictly: what IAM refuses to store is refused here, in its words.

A Policy is immutable and made to be matched many times; whoever reads documents
often keeps them by their text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from clary.access.condition import Condition, operator
from clary.access.match import Context, Patterns, patterns

Effect = Literal["Allow", "Deny"]
Sort = Literal["identity", "trust", "resource"]
VERSIONS = ("2012-10-17", "2008-10-17")
PRINCIPAL_SORTS = ("AWS", "Service", "Federated", "CanonicalUser")
DOCUMENT_CHARACTERS_MAX = 131_072
_ACTION = re.compile(r"\*(:\*)?|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+")
_SID = re.compile(r"[a-zA-Z0-9]*")
_ACCOUNT = re.compile(r"\d{12}")
_STATEMENT_KEYS = frozenset(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
)


class MalformedPolicy(Exception):
    """The document is no policy; the message is AWS's."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy."""

    sid: str
    effect: Effect
    actions: Patterns  # lower case
    not_actions: bool
    resources: Patterns | None  # None in a trust policy, which speaks of its role
    not_resources: bool
    principals: Mapping[str, tuple[str, ...]]
    not_principals: bool
    conditions: tuple[Condition, ...]

    def applies(self, action: str, resource: str, context: Context) -> bool:
        """Return whether the statement speaks of this action, in lower case, on this resource, now."""
        return (
            self.actions.match(action, context) is not self.not_actions
            and (self.resources is None or self.resources.match(resource, context) is not self.not_resources)
            and all(condition.holds(context) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document that was read."""

    statements: tuple[Statement, ...]
    document: str
    source: str = ""  # the name it goes by, told by simulations

    def mentions(self, text: str) -> bool:
        """Say whether a text in lower case stands in the document: a condition key that does not is not asked for."""
        return _mentions(self.document, text)


def parse(document: str, sort: Sort = "identity", *, source: str = "") -> Policy:
    """Return the policy, or raise MalformedPolicy."""
    if len(document) > DOCUMENT_CHARACTERS_MAX:
        raise MalformedPolicy("Syntax errors in policy.")
    content = _json(document)
    version = content.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise MalformedPolicy("Syntax errors in policy.")
    if sort == "identity" and version != VERSIONS[0]:
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    statements = content.get("Statement")
    listed = [statements] if isinstance(statements, dict) else statements
    if not isinstance(listed, list) or not listed or set(content) - {"Version", "Statement", "Id"}:
        raise MalformedPolicy("Syntax errors in policy.")
    read = tuple(_statement(each, sort, variables=version == VERSIONS[0]) for each in listed)
    sids = [each.sid for each in read if each.sid]
    if len(sids) != len(set(sids)):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    return Policy(read, document, source)


@lru_cache(4096)
def _mentions(document: str, text: str) -> bool:
    written_plainly = json.dumps(json.loads(document), ensure_ascii=False)  # "\\u003a" is a way to write ":"
    return text in written_plainly.lower()


def _json(document: str) -> dict[str, Any]:
    try:
        content = json.loads(document, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise MalformedPolicy("This policy contains invalid Json") from None
    if not isinstance(content, dict):
        raise MalformedPolicy("Syntax errors in policy.")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: readers would differ on which one counts."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise MalformedPolicy("Syntax errors in policy.")
    return content


def _statement(content: Any, sort: Sort, *, variables: bool) -> Statement:
    if not isinstance(content, dict) or set(content) - _STATEMENT_KEYS:
        raise MalformedPolicy("Syntax errors in policy.")
    effect, sid = content.get("Effect"), content.get("Sid", "")
    if effect not in ("Allow", "Deny") or not isinstance(sid, str):
        raise MalformedPolicy("Syntax errors in policy.")
    if sort == "identity" and not _SID.fullmatch(sid):
        raise MalformedPolicy(
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*"
        )
    actions, not_actions = _actions(content)
    resources, not_resources = _resources(content, sort, variables=variables)
    principals, not_principals = _principals(content, sort)
    return Statement(
        sid=sid,
        effect="Allow" if effect == "Allow" else "Deny",
        actions=patterns([action.lower() for action in actions]),
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        principals=principals,
        not_principals=not_principals,
        conditions=tuple(_conditions(content.get("Condition", {}), variables=variables)),
    )


def _either(content: Mapping[str, Any], name: str) -> tuple[Any, bool]:
    """Return what stands under a name or its opposite, such as Action or NotAction, and whether it is the opposite."""
    opposite = f"Not{name}"
    if name in content and opposite in content:
        raise MalformedPolicy("Syntax errors in policy.")
    return content.get(name, content.get(opposite)), opposite in content


def _actions(content: Mapping[str, Any]) -> tuple[list[str], bool]:
    told, negated = _either(content, "Action")
    actions = _strings(told)
    if not actions:
        raise MalformedPolicy("Policy statement must contain actions.")
    for action in actions:
        if not _ACTION.fullmatch(action):
            vendor = ":" in action
            raise MalformedPolicy(
                "The policy failed legacy parsing" if vendor
                else "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            )  # fmt: skip
    return actions, negated


def _resources(content: Mapping[str, Any], sort: Sort, *, variables: bool) -> tuple[Patterns | None, bool]:
    told, negated = _either(content, "Resource")
    if sort == "trust":
        if told is not None:
            raise MalformedPolicy("Has prohibited field Resource")
        return None, False
    resources = _strings(told)
    if not resources:
        raise MalformedPolicy("Policy statement must contain resources.")
    for resource in resources:
        if not resource.startswith(("arn:", "*", "${")):
            raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')
        if resource.startswith("arn:") and resource.count(":") < 5:
            raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')
    return patterns(resources, arns=True, variables=variables), negated


def _principals(content: Mapping[str, Any], sort: Sort) -> tuple[Mapping[str, tuple[str, ...]], bool]:
    told, negated = _either(content, "Principal")
    if sort == "identity":
        if told is not None:
            raise MalformedPolicy("Policy document should not specify a principal.")
        return {}, False
    if told == "*":
        return {"AWS": ("*",)}, negated
    if told is None:
        raise MalformedPolicy("Missing required field Principal")
    if not isinstance(told, dict) or not told or set(told) - set(PRINCIPAL_SORTS):
        raise MalformedPolicy("Syntax errors in policy.")
    read = {name: tuple(_strings(value)) for name, value in told.items()}
    for name, values in read.items():
        for value in values:
            _check_principal(name, value)
    return read, negated


def _check_principal(name: str, value: str) -> None:
    if name == "AWS":
        good = value == "*" or _ACCOUNT.fullmatch(value) or value.startswith(("arn:aws:iam::", "arn:aws:sts::", "A"))
    else:
        good = bool(value)
    if not good:
        raise MalformedPolicy(f'Invalid principal in policy: "{name}":"{value}"')


def _conditions(content: Any, *, variables: bool) -> Iterator[Condition]:
    if not isinstance(content, dict):
        raise MalformedPolicy("Syntax errors in policy.")
    for name, keys in content.items():
        known = operator(name)
        if known is None:
            raise MalformedPolicy(f"Invalid Condition type : {name}.")
        if not isinstance(keys, dict) or not keys:
            raise MalformedPolicy("Syntax errors in policy.")
        for key, values in keys.items():
            if ":" not in key:
                raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
            yield Condition(*known, key.lower(), tuple(_scalars(values)), variables)


def _strings(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(each, str) for each in listed):
        raise MalformedPolicy("Syntax errors in policy.")
    return listed


def _scalars(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, bool):
            yield "true" if each else "false"
        elif isinstance(each, str | int | float):
            yield str(each)
        else:
            raise MalformedPolicy("Syntax errors in policy.")

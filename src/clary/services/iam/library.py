"""Policies by ARN: AWS's managed ones from files, an account's own from its records.

Documents are parsed once and kept by their text, so that a decision costs no parsing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from clary.access.policy import Policy, Sort, parse
from clary.services.iam.kinds import AWS_POLICIES, POLICY, key_of
from clary.store.records import Records

PARSED_MAX = 4096


@cache  # files of the package, read once: they cannot change while the program runs
def aws_managed() -> Mapping[str, Mapping[str, Any]]:
    """Return AWS's managed policies by ARN."""
    found = {}
    for file in sorted(files("clary.services.iam.managed").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".json"):
            name, told = file.name.removesuffix(".json"), json.loads(file.read_text())
            document = json.dumps(told.pop("Document"))
            found[f"{AWS_POLICIES}{told['Path'].removeprefix('/')}{name}"] = {
                "PolicyName": name,
                "Document": document,
                **told,
            }
    return found


class Library:
    """Finds and parses policies; safe to use from many threads."""

    def __init__(self) -> None:
        self._parsed: dict[tuple[str, Sort, str], Policy] = {}

    def parsed(self, document: str, sort: Sort = "identity", *, source: str = "") -> Policy:
        """Return the policy of a document, or raise access.policy.MalformedPolicy."""
        key = (document, sort, source)
        policy = self._parsed.get(key)
        if policy is None:
            policy = parse(document, sort, source=source)
            if len(self._parsed) >= PARSED_MAX:
                self._parsed.clear()
            self._parsed[key] = policy
        return policy

    def attached(self, records: Records, arns: Iterable[str]) -> Iterator[Policy]:
        """Give the default versions of managed policies; one that is gone gives nothing."""
        for arn in arns:
            document = managed_document(records, arn)
            if document is not None:
                yield self.parsed(document, source=arn.rpartition("/")[2])

    def inline(self, documents: Mapping[str, str]) -> Iterator[Policy]:
        """Give inline policies."""
        for name, document in documents.items():
            yield self.parsed(document, source=name)


def managed_document(records: Records, arn: str) -> str | None:
    """Return the default version's document of a managed policy, None if there is no such policy."""
    aws = aws_managed().get(arn)
    if aws is not None:
        return str(aws["Document"])
    record = records.find(POLICY, key_of(arn.rpartition("/")[2]))
    if record is None or arn.split(":")[4:5] != [records.account]:
        return None
    return next(
        str(each["Document"]) for each in record.spec["Versions"] if each["VersionId"] == record.spec["Default"]
    )

"""What services that left query for json are still called there: older clients go on speaking it.

Botocore's models dropped the traits xmlName and xmlNamespace with the protocol. Source: the models in
github.com/aws/api-models-aws, and the API references' «query» examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

KEY_AND_VALUE = ("Name", "Value")


@dataclass(frozen=True, slots=True)
class QueryTraits:
    """The names of one service in forms and their answers, and the member that a request's own path gives."""

    namespace: str
    members: Mapping[str, str]  # of structures
    items: Mapping[str, str]  # of lists
    keys_and_values: Mapping[str, tuple[str, str]]  # of maps, where they are not called Name and Value
    path_member: str = ""


_SQS = QueryTraits(
    namespace="http://queue.amazonaws.com/doc/2012-11-05/",
    members={
        "Attributes": "Attribute",
        "MessageAttributes": "MessageAttribute",
        "MessageSystemAttributes": "MessageSystemAttribute",
        "StringListValues": "StringListValue",
        "BinaryListValues": "BinaryListValue",
        "Tags": "Tag",
        "tags": "Tag",
    },
    items={
        "AWSAccountIdList": "AWSAccountId",
        "ActionNameList": "ActionName",
        "AttributeNameList": "AttributeName",
        "BatchResultErrorEntryList": "BatchResultErrorEntry",
        "BinaryList": "BinaryListValue",
        "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
        "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
        "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
        "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
        "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
        "MessageAttributeNameList": "MessageAttributeName",
        "MessageList": "Message",
        "MessageSystemAttributeList": "MessageSystemAttributeName",
        "QueueUrlList": "QueueUrl",
        "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
        "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
        "StringList": "StringListValue",
        "TagKeyList": "TagKey",
    },
    keys_and_values={"TagMap": ("Key", "Value")},
    path_member="QueueUrl",
)
_TRAITS: Mapping[str, QueryTraits] = MappingProxyType({"sqs": _SQS})


def query_traits(service: str) -> QueryTraits | None:
    """Return what a service was called in query, None if it never left it."""
    return _TRAITS.get(service)


def as_query(description: Mapping[str, Any], traits: QueryTraits) -> dict[str, Any]:
    """Return a service's description as it was while it spoke query."""
    spoken = {"protocol": "query", "protocols": ["query"], "xmlNamespace": traits.namespace}
    metadata = {**description["metadata"], **spoken}
    shapes = {name: _named(name, shape, traits) for name, shape in description["shapes"].items()}
    operations = {name: _wrapped(name, told) for name, told in description["operations"].items()}
    return {**description, "metadata": metadata, "operations": operations, "shapes": shapes}


def _wrapped(name: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    if "output" not in told:
        return told
    return {**told, "output": {**told["output"], "resultWrapper": f"{name}Result"}}


def _named(name: str, shape: Mapping[str, Any], traits: QueryTraits) -> Mapping[str, Any]:
    match shape["type"]:
        case "structure":
            members = {each: _called(ref, traits.members.get(each)) for each, ref in shape["members"].items()}
            return {**shape, "members": members}
        case "list":
            return {**shape, "member": _called(shape["member"], traits.items.get(name))}
        case "map":
            key, value = traits.keys_and_values.get(name, KEY_AND_VALUE)
            return {**shape, "key": _called(shape["key"], key), "value": _called(shape["value"], value)}
        case _:
            return shape


def _called(reference: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    return reference if name is None else {**reference, "locationName": name}

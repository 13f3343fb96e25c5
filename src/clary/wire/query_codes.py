"""The codes of errors that services kept from the days when they spoke query: the trait awsQueryError.

Botocore's models leave it out. Source: the models in github.com/aws/api-models-aws.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_SQS = "AWS.SimpleQueueService."
_CODES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("sqs", "QueueDoesNotExist"): f"{_SQS}NonExistentQueue",
        ("sqs", "QueueNameExists"): "QueueAlreadyExists",
        **{
            ("sqs", name): f"{_SQS}{name}"
            for name in (
                "BatchEntryIdsNotDistinct",
                "BatchRequestTooLong",
                "EmptyBatchRequest",
                "InvalidBatchEntryId",
                "MessageNotInflight",
                "PurgeQueueInProgress",
                "QueueDeletedRecently",
                "TooManyEntriesInBatchRequest",
                "UnsupportedOperation",
            )
        },
    }
)


def query_code(service: str, shape: str) -> str:
    """Return the old code of an error's shape, '' if it is called what the model says."""
    return _CODES.get((service, shape), "")

"""What the derived table cannot know: where an operation needs another action than its name says, or more.

Sources: Amazon S3 user guide, «Required permissions for Amazon S3 API operations»; IAM user guide, «Granting a user
permissions to pass a role»; STS API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

Params = Mapping[str, Any]
Need = tuple[str, str]
"""An action and a resource's ARN."""

PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
    "sagemaker-a2i-runtime": "sagemaker",
    "sagemaker-edge": "sagemaker",
}
"""Services whose actions bear another service's name."""

SQS_SHARED = (
    "AddPermission", "CancelMessageMoveTask", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
    "DeleteMessage", "DeleteMessageBatch", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl",
    "ListDeadLetterSourceQueues", "ListMessageMoveTasks", "ListQueueTags", "PurgeQueue", "ReceiveMessage",
    "RemovePermission", "SendMessage", "SendMessageBatch", "SetQueueAttributes", "StartMessageMoveTask",
    "TagQueue", "UntagQueue",
)  # fmt: skip
SNS_SHARED = (
    "AddPermission", "ConfirmSubscription", "DeleteTopic", "GetSubscriptionAttributes", "GetTopicAttributes",
    "ListSubscriptionsByTopic", "ListTagsForResource", "Publish", "PublishBatch", "RemovePermission",
    "SetSubscriptionAttributes", "SetTopicAttributes", "Subscribe", "TagResource", "Unsubscribe", "UntagResource",
)  # fmt: skip
DEFAULT_BUS = "default"
DEFAULT_GROUP = "default"
OF_SCHEDULES = ("CreateSchedule", "DeleteSchedule", "GetSchedule", "UpdateSchedule")
OF_BUSES = ("CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus")
OF_RULES = (
    "DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTargetsByRule", "PutRule", "PutTargets",
    "RemoveTargets",
)  # fmt: skip
FREE = frozenset(
    {
        ("sts", "GetCallerIdentity"),
        ("sts", "GetSessionToken"),
        ("sts", "AssumeRole"),
        *(("sqs", operation) for operation in SQS_SHARED),
        *(("sns", operation) for operation in SNS_SHARED),
        ("events", "PutEvents"),
        ("s3", "DeleteObjects"),
    }
)
"""Need no permission here: AssumeRole and those on queues, topics and buses decide by themselves, since these may have
a policy that allows the call (services/resource_policies.py). DeleteObjects asks for each key."""

S3_ACTIONS = {
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListBuckets": "ListAllMyBuckets",
    "ListDirectoryBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "RenameObject": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
}

ACTIONS: Mapping[str, Mapping[str, str]] = {
    "s3": S3_ACTIONS,
    "sagemaker": {
        "InvokeEndpointWithResponseStream": "InvokeEndpoint",
        "InvokeEndpointWithBidirectionalStream": "InvokeEndpoint",
    },
}
"""Operations whose action has another name, by prefix of the action."""

S3_VERSIONED = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
}

TAGGING = {
    "sagemaker": "sagemaker:AddTags",
    "logs": "logs:TagResource",
    "organizations": "organizations:TagResource",
    "cloudwatch": "cloudwatch:TagResource",
    "sqs": "sqs:TagQueue",
    "sns": "sns:TagResource",
    "events": "events:TagResource",
    "scheduler": "scheduler:TagResource",
}
IAM_TAGGED = ("User", "Role", "Policy", "InstanceProfile")


def more(prefix: str, operation: str, params: Params, needs: Sequence[Need]) -> list[Need]:
    """Return all that an operation needs, given what the table says it needs."""
    special = SPECIAL.get((prefix, operation))
    needs = list(special(params, needs) if special else needs)
    if prefix == "s3":
        return _versioned(operation, params, needs)
    if operation.startswith("Create") and (params.get("Tags") or params.get("tags")):
        action = _tagging(prefix, operation)
        if action:
            needs += [(action, resource) for _, resource in needs]
    return needs


def _tagging(prefix: str, operation: str) -> str:
    noun = operation.removeprefix("Create")
    if prefix == "iam":
        return f"iam:Tag{noun}" if noun in IAM_TAGGED else ""
    return TAGGING.get(prefix, "")


def _versioned(operation: str, params: Params, needs: list[Need]) -> list[Need]:
    if not params.get("VersionId"):
        return needs
    return [(S3_VERSIONED.get(action, action), resource) for action, resource in needs]


def _copy(params: Params, needs: Sequence[Need]) -> list[Need]:
    path, _, version = str(params.get("CopySource", "")).partition("?versionId=")
    source = unquote(path).removeprefix("/")
    resource = source if source.startswith("arn:") else f"arn:aws:s3:::{source}"
    return [("s3:GetObjectVersion" if version else "s3:GetObject", resource), *_tagged(params, needs)]


def _of_rule(params: Params, needs: Sequence[Need]) -> list[Need]:
    """Return the needs on the one rule that is meant: its bus is part of its ARN, but for the default one."""
    action, resource = needs[0]
    name, bus = params.get("Name") or params.get("Rule"), _bus_name(params.get("EventBusName"))
    place = name if bus == DEFAULT_BUS else f"{bus}/{name}"
    rule = f"{_owner(resource)}:rule/{place}"
    tagged = [("events:TagResource", rule)] if params.get("Tags") else []
    return [(action, rule), *tagged]


def _of_bus(params: Params, needs: Sequence[Need]) -> list[Need]:
    action, resource = needs[0]
    return [(action, f"{_owner(resource)}:event-bus/{_bus_name(params.get('Name'))}")]


def _of_schedule(params: Params, needs: Sequence[Need]) -> list[Need]:
    action, resource = needs[0]
    return [(action, f"{_owner(resource)}:schedule/{params.get('GroupName', DEFAULT_GROUP)}/{params.get('Name')}")]


def _bus_name(text: str | None) -> str:
    """Return the name of a bus that was named by it or by its ARN, or not at all."""
    return (text or DEFAULT_BUS).rpartition("event-bus/")[2]


def _owner(resource: str) -> str:
    """Return an ARN up to its account."""
    return ":".join(resource.split(":")[:5])


def _tagged(params: Params, needs: Sequence[Need]) -> list[Need]:
    if not params.get("Tagging"):
        return list(needs)
    return [*needs, *(("s3:PutObjectTagging", resource) for _, resource in needs)]


def _attributes(params: Params, needs: Sequence[Need]) -> list[Need]:
    return [*needs, *(("s3:GetObject", resource) for _, resource in needs)]


SPECIAL: Mapping[tuple[str, str], Callable[[Params, Sequence[Need]], list[Need]]] = {
    ("s3", "CopyObject"): _copy,
    ("s3", "UploadPartCopy"): _copy,
    ("s3", "PutObject"): _tagged,
    ("s3", "CreateMultipartUpload"): _tagged,
    ("s3", "GetObjectAttributes"): _attributes,
    **{("events", operation): _of_rule for operation in OF_RULES},
    **{("events", operation): _of_bus for operation in OF_BUSES},
    **{("scheduler", operation): _of_schedule for operation in OF_SCHEDULES},
}

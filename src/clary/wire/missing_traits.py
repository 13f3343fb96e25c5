"""Smithy traits that AWS publishes and botocore's models leave out.

The only place of the wire where services have names; a row each, with the trait it stands for.
Source: the models in github.com/aws/api-models-aws.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from botocore.model import OperationModel, ServiceModel

# The trait restXml with noErrorWrapping says that the error is the root element.
_BARE_ERRORS = frozenset({"s3"})

# The trait s3UnwrappedXmlOutput says that the only member is the root element.
_UNWRAPPED_OUTPUTS = frozenset({("s3", "GetBucketLocation")})

# The trait xmlNamespace on the service.
_NAMESPACES: Mapping[str, str] = MappingProxyType({"s3": "http://s3.amazonaws.com/doc/2006-03-01/"})

# The trait xmlName on output structures.
_OUTPUT_ROOTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("s3", "CompleteMultipartUpload"): "CompleteMultipartUploadResult",
        ("s3", "CreateMultipartUpload"): "InitiateMultipartUploadResult",
        ("s3", "CreateSession"): "CreateSessionResult",
        ("s3", "DeleteObjects"): "DeleteResult",
        ("s3", "GetBucketAccelerateConfiguration"): "AccelerateConfiguration",
        ("s3", "GetBucketAcl"): "AccessControlPolicy",
        ("s3", "GetBucketCors"): "CORSConfiguration",
        ("s3", "GetBucketLifecycleConfiguration"): "LifecycleConfiguration",
        ("s3", "GetBucketLogging"): "BucketLoggingStatus",
        ("s3", "GetBucketNotificationConfiguration"): "NotificationConfiguration",
        ("s3", "GetBucketRequestPayment"): "RequestPaymentConfiguration",
        ("s3", "GetBucketTagging"): "Tagging",
        ("s3", "GetBucketVersioning"): "VersioningConfiguration",
        ("s3", "GetBucketWebsite"): "WebsiteConfiguration",
        ("s3", "GetObjectAcl"): "AccessControlPolicy",
        ("s3", "GetObjectAttributes"): "GetObjectAttributesResponse",
        ("s3", "GetObjectTagging"): "Tagging",
        ("s3", "ListBucketAnalyticsConfigurations"): "ListBucketAnalyticsConfigurationResult",
        ("s3", "ListBucketInventoryConfigurations"): "ListInventoryConfigurationsResult",
        ("s3", "ListBucketMetricsConfigurations"): "ListMetricsConfigurationsResult",
        ("s3", "ListBuckets"): "ListAllMyBucketsResult",
        ("s3", "ListDirectoryBuckets"): "ListAllMyDirectoryBucketsResult",
        ("s3", "ListMultipartUploads"): "ListMultipartUploadsResult",
        ("s3", "ListObjectVersions"): "ListVersionsResult",
        ("s3", "ListObjects"): "ListBucketResult",
        ("s3", "ListObjectsV2"): "ListBucketResult",
        ("s3", "ListParts"): "ListPartsResult",
    }
)


# The trait httpHeader on members of errors that have no shape.
_ERROR_HEADERS: Mapping[str, str] = MappingProxyType(
    {"ETag": "ETag", "LastModified": "Last-Modified", "DeleteMarker": "x-amz-delete-marker"}
)


def error_header(member: str) -> str:
    """Return the header that a member of an error without a shape goes to, '' if it goes to the body."""
    return _ERROR_HEADERS.get(member, "")


def bare_errors(model: ServiceModel) -> bool:
    """Return whether `<Error>` stands alone instead of inside `<ErrorResponse>`."""
    return model.service_name in _BARE_ERRORS


def unwrapped_output(operation: OperationModel) -> bool:
    """Return whether the answer is the element of its only member."""
    return (operation.service_model.service_name, operation.name) in _UNWRAPPED_OUTPUTS


def namespace(model: ServiceModel) -> str | None:
    """Return the XML namespace of the service's answers."""
    return model.metadata.get("xmlNamespace") or _NAMESPACES.get(model.service_name)


def output_root(operation: OperationModel, default: str) -> str:
    """Return the name of the root element of the operation's answer."""
    return _OUTPUT_ROOTS.get((operation.service_model.service_name, operation.name), default)

"""The errors of S3, in its own codes and words (Amazon S3 API reference, «Error responses»)."""

from __future__ import annotations

from clary.core.errors import ServiceError


def access_denied() -> ServiceError:
    """Return the error of who may not, or names the wrong owner."""
    return ServiceError("Access Denied", code="AccessDenied", status=403)


def no_such_bucket(bucket: str) -> ServiceError:
    """Return the error of a bucket that is not there."""
    return ServiceError("The specified bucket does not exist", code="NoSuchBucket", status=404, BucketName=bucket)


def no_such_key(key: str) -> ServiceError:
    """Return the error of an object that is not there."""
    return ServiceError("The specified key does not exist.", code="NoSuchKey", status=404, Key=key)


def no_such_version(key: str, version: str) -> ServiceError:
    """Return the error of a version that is not there."""
    text = "The specified version does not exist."
    return ServiceError(text, code="NoSuchVersion", status=404, Key=key, VersionId=version)


def no_such_upload(upload: str) -> ServiceError:
    """Return the error of a multipart upload that is not open."""
    text = (
        "The specified upload does not exist. The upload ID may be invalid, "
        "or the upload may have been aborted or completed."
    )
    return ServiceError(text, code="NoSuchUpload", status=404, UploadId=upload)


def invalid_argument(message: str, name: str = "", value: str = "") -> ServiceError:
    """Return the error of a parameter that has no sense."""
    return ServiceError(message, code="InvalidArgument", status=400, ArgumentName=name, ArgumentValue=value)


def invalid_request(message: str) -> ServiceError:
    """Return the error of a request whose parts do not go together."""
    return ServiceError(message, code="InvalidRequest", status=400)


def malformed_xml() -> ServiceError:
    """Return the error of a document that is not what the schema says."""
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return ServiceError(text, code="MalformedXML", status=400)


def precondition_failed(condition: str) -> ServiceError:
    """Return the error of a condition that does not hold."""
    text = "At least one of the pre-conditions you specified did not hold"
    return ServiceError(text, code="PreconditionFailed", status=412, Condition=condition)


def not_implemented(header: str) -> ServiceError:
    """Return the error of a header that asks for what Clary does not do."""
    text = "A header you provided implies functionality that is not implemented"
    return ServiceError(text, code="NotImplemented", status=501, Header=header)


def entity_too_large(size: int, size_max: int) -> ServiceError:
    """Return the error of an object or part that is too large for one request."""
    text = "Your proposed upload exceeds the maximum allowed size"
    return ServiceError(text, code="EntityTooLarge", status=400, ProposedSize=size, MaxSizeAllowed=size_max)


def conflict() -> ServiceError:
    """Return the error of a change that others got in the way of again and again."""
    text = "A conflicting conditional operation is currently in progress against this resource. Please try again."
    return ServiceError(text, code="OperationAborted", status=409)

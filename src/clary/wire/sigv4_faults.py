"""What AWS answers to a call that is not signed, or not rightly: the same fault, told in three dialects.

S3 tells it in its own codes, services of the query protocol in those of STS and
IAM, all others in the exception names of the JSON protocols.
"""

from __future__ import annotations

from typing import Any, Literal

from clary.core.errors import ServiceError
from clary.wire.message import Request

Dialect = Literal["s3", "query", "json"]

S3_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


def dialect_of(request: Request, service: str) -> Dialect:
    """Return how the service tells its faults."""
    if service == "s3":
        return "s3"
    form = request.headers.fields.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "query" if form or "Action=" in request.query else "json"


def missing_signature(dialect: Dialect) -> ServiceError:
    """Return the fault of a call without a signature."""
    match dialect:
        case "s3":
            return ServiceError("Access Denied", code="AccessDenied", status=403)
        case "query":
            return ServiceError(
                "Request is missing Authentication Token", code="MissingAuthenticationToken", status=403
            )
        case "json":
            return ServiceError("Missing Authentication Token", code="MissingAuthenticationTokenException", status=403)


def unknown_access_key(dialect: Dialect, access_key: str) -> ServiceError:
    """Return the fault of a key that nobody has, or that is switched off."""
    invalid = "The security token included in the request is invalid."
    match dialect:
        case "s3":
            text = "The AWS Access Key Id you provided does not exist in our records."
            return ServiceError(text, code="InvalidAccessKeyId", status=403, AWSAccessKeyId=access_key)
        case "query":
            return ServiceError(invalid, code="InvalidClientTokenId", status=403)
        case "json":
            return ServiceError(invalid, code="UnrecognizedClientException", status=400)


def wrong_token(dialect: Dialect, access_key: str) -> ServiceError:
    """Return the fault of a session token that does not belong to the key it came with."""
    if dialect == "s3":
        text = "The provided token is malformed or otherwise invalid."
        return ServiceError(text, code="InvalidToken", status=400)
    return unknown_access_key(dialect, access_key)


def expired_token(dialect: Dialect) -> ServiceError:
    """Return the fault of temporary credentials whose time is over."""
    expired = "The security token included in the request is expired"
    match dialect:
        case "s3":
            return ServiceError("The provided token has expired.", code="ExpiredToken", status=400)
        case "query":
            return ServiceError(expired, code="ExpiredToken", status=403)
        case "json":
            return ServiceError(expired, code="ExpiredTokenException", status=400)


def mismatch(dialect: Dialect, message: str = MISMATCH, **members: Any) -> ServiceError:
    """Return the fault of a signature that was made of something else, or at another time."""
    match dialect:
        case "s3":
            return ServiceError(S3_MISMATCH, code="SignatureDoesNotMatch", status=403, **members)
        case "query":
            return ServiceError(message, code="SignatureDoesNotMatch", status=403)
        case "json":
            return ServiceError(message, code="InvalidSignatureException", status=400)


def incomplete(dialect: Dialect, message: str) -> ServiceError:
    """Return the fault of an Authorization header that says too little."""
    match dialect:
        case "s3":
            text = f"The authorization header is malformed; {message}"
            return ServiceError(text, code="AuthorizationHeaderMalformed", status=400)
        case "query":
            return ServiceError(message, code="IncompleteSignature", status=400)
        case "json":
            return ServiceError(message, code="IncompleteSignatureException", status=400)


def bad_query(dialect: Dialect, message: str) -> ServiceError:
    """Return the fault of a presigned URL whose parameters are wrong."""
    if dialect == "s3":
        return ServiceError(message, code="AuthorizationQueryParametersError", status=400)
    return incomplete(dialect, message)


def unsigned_headers(dialect: Dialect, names: str) -> ServiceError:
    """Return the fault of headers that steer the call and that nobody signed for."""
    text = "There were headers present in the request which were not signed"
    if dialect == "s3":
        return ServiceError(text, code="AccessDenied", status=403, HeadersNotSigned=names)
    return mismatch(dialect, f"{text}: {names}")


def wrong_payload(dialect: Dialect, claimed: str, computed: str) -> ServiceError:
    """Return the fault of a body that is not the one that was signed."""
    if dialect != "s3":
        return mismatch(dialect)
    return ServiceError(
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        code="XAmzContentSHA256Mismatch",
        status=400,
        ClientComputedContentSHA256=claimed,
        S3ComputedContentSHA256=computed,
    )

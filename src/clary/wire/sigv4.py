"""AWS Signature Version 4: who signed a request, and whether it is what was signed.

Everything is taken from the bytes as received. Pure: the caller finds the
secret, keeps signing keys, and says what time it is.
"""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl

from clary.core.errors import ServiceError
from clary.wire import sigv4_faults as faults
from clary.wire.message import Request
from clary.wire.sigv4_canonical import canonical_request, recoded
from clary.wire.sigv4_faults import Dialect
from clary.wire.sigv4_keys import SigningKey

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_S = 15 * 60
PRESIGNED_S_MAX = 7 * 24 * 3600
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMS = (
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
)
STAMPS_MAX = 64
STANDING_MAX, STANDING_CHARACTERS_MAX = 16_384, 512
"""Beginnings of Authorization headers that are remembered, a client's for a day, and how long they may be."""
EMPTY_SHA256 = sha256(b"").hexdigest()
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STAMP = "%Y%m%dT%H%M%SZ"


class Signature(NamedTuple):
    """What a request says of its signature; nothing of it is proven until `check`."""

    access_key: str
    date: str  # the day of the credential scope
    region: str
    service: str
    signed_headers: str  # names, lower-case, joined by semicolons
    signature: str
    timestamp: str  # 20130524T000000Z
    at: float
    payload: str  # x-amz-content-sha256 as sent, "" without one
    session_token: str
    presigned: bool
    expires_s: int  # how long a presigned URL holds
    dialect: Dialect

    @property
    def scope(self) -> str:
        """Return the credential scope."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def parse(request: Request) -> Signature | None:
    """Return what the request says of its signature, None if it is not signed, or raise a ServiceError."""
    header = request.headers.get("authorization")
    if header:
        return _parse_header(request, header)
    if "X-Amz-" in request.query and ("X-Amz-Algorithm=" in request.query or "X-Amz-Signature=" in request.query):
        return _parse_query(request)
    if request.query and "AWSAccessKeyId=" in request.query and "Signature=" in request.query:
        raise _unsupported()
    return None


def check(signature: Signature, request: Request, key: SigningKey, now: float) -> None:
    """Raise the ServiceError that AWS would if the request is not what `key` signed, or not signed now.

    A body in memory is checked too. One that is streamed is known by its declared
    hash alone: whoever reads it calls `check_digest`, or verifies its chunks.
    """
    _check_time(signature, now)
    _check_headers(signature, request)
    computed = _payload(signature, request)
    told = canonical_request(request, signature.signed_headers, computed, encode_again=signature.dialect != "s3")
    if _matches(signature, key, told):
        return
    # A client may sign AWS's own percent-encoding and send another one of the same text.
    other = recoded(request)
    retold = canonical_request(other, signature.signed_headers, computed, encode_again=signature.dialect != "s3")
    if not _matches(signature, key, retold):
        raise _mismatch(signature, told)


def check_digest(signature: Signature, computed: str) -> None:
    """Raise a ServiceError unless a body's SHA-256, in hex, is the one that was signed; if one was."""
    declared = signature.payload
    if declared and _SHA256.fullmatch(declared) and not hmac.compare_digest(declared, computed):
        raise faults.wrong_payload(signature.dialect, declared, computed)


def check_payload(signature: Signature, body: bytes) -> None:
    """Raise a ServiceError unless the body is the one that was signed."""
    check_digest(signature, sha256(body).hexdigest())


def string_to_sign(signature: Signature, canonical: bytes) -> str:
    """Return what the signature is made of."""
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{sha256(canonical).hexdigest()}"


class Standing(NamedTuple):
    """What an Authorization header says before its signature, the same in every request of a client on a day."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: str


def _parse_header(request: Request, header: str) -> Signature:
    """Return the signature; what is not written the usual way is read word by word."""
    begun, _, signature = header.rpartition("Signature=")
    standing = _standing(begun) if len(begun) <= STANDING_CHARACTERS_MAX else None
    fields = request.headers.fields
    stamp = fields.get("x-amz-date") or fields.get("date")
    if standing is None or not stamp or not signature or "," in signature:
        return _parse_words(request, header)
    access_key, date, region, service, signed_headers = standing
    dialect = faults.dialect_of(request, service)
    timestamp, at = _moment(dialect, stamp)
    _check_day(dialect, date, timestamp, stamp)
    return Signature(
        access_key, date, region, service, signed_headers, signature, timestamp, at,
        payload=_declared(dialect, request), session_token=fields.get("x-amz-security-token", ""),
        presigned=False, expires_s=0, dialect=dialect,
    )  # fmt: skip


@lru_cache(STANDING_MAX)
def _standing(begun: str) -> Standing | None:
    scheme, _, rest = begun.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    scope = parts.get("Credential", "").rsplit("/", 4)
    usual = parts.keys() == {"Credential", "SignedHeaders"} and rest.rstrip().endswith(",")
    if scheme != ALGORITHM or not usual or len(scope) != 5 or not all(scope) or scope[4] != "aws4_request":
        return None
    access_key, date, region, service, _ = scope
    signed_headers = parts["SignedHeaders"].lower()
    return Standing(access_key, date, region, service, signed_headers) if signed_headers else None


def _parse_words(request: Request, header: str) -> Signature:
    scheme, _, rest = header.partition(" ")
    parts = {name: value for name, _, value in [part.strip().partition("=") for part in rest.split(",")]}
    credential = parts.get("Credential", "")
    scope = credential.rsplit("/", 4)
    dialect = faults.dialect_of(request, scope[3] if len(scope) == 5 else "")
    if scheme != ALGORITHM:
        raise (
            _unsupported() if scheme in ("AWS", "Basic", "Bearer") else faults.incomplete(dialect, _unreadable(header))
        )
    signature, signed_headers = parts.get("Signature"), parts.get("SignedHeaders")
    stamp = request.headers.get("x-amz-date") or request.headers.get("date")
    if not (credential and signature and signed_headers and stamp):
        raise faults.incomplete(dialect, _lacking(parts, stamp, header))
    access_key, date, region, service = _scoped(dialect, credential, scope)
    timestamp, at = _moment(dialect, stamp)
    _check_day(dialect, date, timestamp, stamp)
    return Signature(
        access_key, date, region, service, signed_headers.lower(), signature, timestamp, at,
        payload=_declared(dialect, request), session_token=request.headers.get("x-amz-security-token"),
        presigned=False, expires_s=0, dialect=dialect,
    )  # fmt: skip


def _parse_query(request: Request) -> Signature:
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    credential = given.get("X-Amz-Credential", "")
    scope = credential.rsplit("/", 4)
    dialect = faults.dialect_of(request, scope[3] if len(scope) == 5 else "")
    lacking = [name for name in ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires")
               if not given.get(f"X-Amz-{name}") and not (name == "Expires" and dialect != "s3")]  # fmt: skip
    if lacking:
        raise faults.bad_query(dialect, (
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        ))  # fmt: skip
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise faults.bad_query(dialect, f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    access_key, date, region, service = _scoped(dialect, credential, scope)
    timestamp, at = _moment(dialect, given["X-Amz-Date"])
    _check_day(dialect, date, timestamp, given["X-Amz-Date"])
    return Signature(
        access_key, date, region, service,
        given["X-Amz-SignedHeaders"].lower(), given["X-Amz-Signature"], timestamp, at,
        payload=request.headers.get("x-amz-content-sha256") or given.get("X-Amz-Content-Sha256", ""),
        session_token=given.get("X-Amz-Security-Token", ""), presigned=True,
        expires_s=_lifetime(dialect, given.get("X-Amz-Expires", str(SKEW_S))), dialect=dialect,
    )  # fmt: skip


def _scoped(dialect: Dialect, text: str, parts: list[str]) -> tuple[str, str, str, str]:
    """Return access key, day, region and service of a credential that was split into `parts`."""
    if len(parts) != 5 or not all(parts):
        raise faults.incomplete(
            dialect,
            "the Credential is mal-formed; expecting "
            f'"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request", got "{text}".',
        )
    access_key, date, region, service, terminator = parts
    if terminator != "aws4_request":
        raise faults.mismatch(dialect, "Credential should be scoped with a valid terminator: 'aws4_request'.")
    return access_key, date, region, service


def _moment(dialect: Dialect, stamp: str) -> tuple[str, float]:
    try:
        if len(stamp) == 16 and stamp[8] == "T" and stamp[15] == "Z":
            return stamp, unix_time(stamp)
        moment = parsedate_to_datetime(stamp).astimezone(UTC)
    except ValueError:
        text = f"Date must be in ISO-8601 'basic format'. Got '{stamp}'. See http://en.wikipedia.org/wiki/ISO_8601"
        raise faults.incomplete(dialect, text) from None
    return moment.strftime(_STAMP), moment.timestamp()


@lru_cache(STAMPS_MAX)  # the stamps of one second are the same
def unix_time(stamp: str) -> float:
    """Return the seconds since the epoch of a stamp as in `20130524T000000Z`, or raise ValueError."""
    return datetime.fromisoformat(stamp).timestamp()


def _check_day(dialect: Dialect, date: str, timestamp: str, stamp: str) -> None:
    if date != timestamp[:8]:
        text = (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{timestamp[:8]}', from '{stamp}'."
        )
        raise faults.incomplete(dialect, text) if dialect == "s3" else faults.mismatch(dialect, text)


def _lifetime(dialect: Dialect, text: str) -> int:
    try:
        seconds = int(text)
    except ValueError:
        raise faults.bad_query(dialect, "X-Amz-Expires should be a number") from None
    if seconds < 0:
        raise faults.bad_query(dialect, "X-Amz-Expires must be non-negative")
    if seconds > PRESIGNED_S_MAX:
        text = f"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than {PRESIGNED_S_MAX} seconds"  # noqa: E501 - AWS's text
        raise faults.bad_query(dialect, text)
    return seconds


def _declared(dialect: Dialect, request: Request) -> str:
    value = request.headers.fields.get("x-amz-content-sha256", "")
    if dialect != "s3":
        return value
    if not value:
        text = "Missing required header for this request: x-amz-content-sha256"
        raise ServiceError(text, code="InvalidRequest", status=400)
    if value != UNSIGNED and value not in STREAMS and not _SHA256.fullmatch(value):
        text = f"x-amz-content-sha256 must be {UNSIGNED}, {', '.join(STREAMS)} or a valid sha256 value."
        raise ServiceError(
            text, code="InvalidArgument", status=400, ArgumentName="x-amz-content-sha256", ArgumentValue=value
        )
    return value


def _unreadable(header: str) -> str:
    return f"Authorization header requires 'Credential' parameter. Authorization={header.partition(' ')[0]}"


def _lacking(parts: dict[str, str], stamp: str, header: str) -> str:
    names = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    said = [f"Authorization header requires '{name}' parameter." for name in names]
    if not stamp:
        said.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    return " ".join([*said, f"Authorization={header.partition(' ')[0]}"])


def _unsupported() -> ServiceError:
    text = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
    return ServiceError(text, code="InvalidRequest", status=400)


def _check_time(signature: Signature, now: float) -> None:
    if signature.presigned:
        _check_lifetime(signature, now)
    elif abs(now - signature.at) > SKEW_S:
        raise _skewed(signature, now)


def _check_lifetime(signature: Signature, now: float) -> None:
    ends = signature.at + signature.expires_s
    if signature.at - SKEW_S <= now <= ends:
        return
    if signature.dialect != "s3":
        raise _skewed(signature, now)
    if now < signature.at:
        raise ServiceError("Request is not valid yet", code="AccessDenied", status=403, ServerTime=_iso(now))
    members = {"X-Amz-Expires": str(signature.expires_s), "Expires": _iso(ends), "ServerTime": _iso(now)}
    raise ServiceError("Request has expired", code="AccessDenied", status=403, **members)


def _skewed(signature: Signature, now: float) -> ServiceError:
    if signature.dialect == "s3":
        return ServiceError(
            "The difference between the request time and the current time is too large.",
            code="RequestTimeTooSkewed",
            status=403,
            RequestTime=signature.timestamp,
            ServerTime=_iso(now),
            MaxAllowedSkewMilliseconds=str(SKEW_S * 1000),
        )
    late = now > signature.at
    limit = _stamp(now - SKEW_S if late else now + SKEW_S)
    what, sign = (
        ("expired: {} is now earlier than {}", "-") if late else ("not yet current: {} is still later than {}", "+")
    )
    said = what.format(signature.timestamp, limit)
    return faults.mismatch(signature.dialect, f"Signature {said} ({_stamp(now)} {sign} 15 min.)")


def _check_headers(signature: Signature, request: Request) -> None:
    signed = f";{signature.signed_headers};"
    if ";host;" not in signed and ";:authority;" not in signed:
        text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        raise faults.incomplete(signature.dialect, text)
    unsigned = [name for name in request.headers.fields if name[:6] == "x-amz-" and f";{name};" not in signed]
    if unsigned:
        raise faults.unsigned_headers(signature.dialect, ", ".join(unsigned))


def _payload(signature: Signature, request: Request) -> str:
    """Return the canonical request's last line; raise if a body in memory is not the one declared."""
    if isinstance(request.body, bytes) and (not signature.payload or _SHA256.fullmatch(signature.payload)):
        if signature.presigned and signature.dialect == "s3" and not signature.payload:
            return UNSIGNED
        computed = sha256(request.body).hexdigest() if request.body else EMPTY_SHA256
        check_digest(signature, computed)
        return computed
    if signature.payload:
        return signature.payload
    if signature.presigned:
        return UNSIGNED
    # Nothing but a hash in the head can vouch for a body that has not been read yet.
    text = "Missing required header for this request: x-amz-content-sha256"
    raise ServiceError(text, code="InvalidRequest", status=400)


def _matches(signature: Signature, key: SigningKey, canonical: bytes) -> bool:
    given = signature.signature
    return given.isascii() and hmac.compare_digest(key.sign(string_to_sign(signature, canonical).encode()), given)


def _mismatch(signature: Signature, canonical: bytes) -> ServiceError:
    text = string_to_sign(signature, canonical)
    return faults.mismatch(
        signature.dialect,
        AWSAccessKeyId=signature.access_key,
        StringToSign=text,
        SignatureProvided=signature.signature,
        StringToSignBytes=text.encode().hex(" "),
        CanonicalRequest=canonical.decode("latin-1"),
        CanonicalRequestBytes=canonical.hex(" "),
    )


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(_STAMP)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

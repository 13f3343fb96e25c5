"""The canonical request of Signature Version 4: the one text that a request is signed as.

Amazon S3 API reference and IAM user guide, «Create a signed AWS API request».
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from clary.wire.message import Headers, Request

_SPACES = re.compile(r"[ \t]+")
PATHS_MAX, PATH_CHARACTERS_MAX = 4096, 256
"""Paths that are remembered as they are signed, since those of invocations are few, and how long they may be."""
_TIDY_PATH = re.compile(r"(?:/(?!\.)[A-Za-z0-9_.~-]+)+")
"""A path that stays as it is: the usual one, told at a glance."""


def canonical_request(request: Request, signed_headers: str, payload: str, *, encode_again: bool) -> bytes:
    """Return the text; S3 takes the path as it is, all others (`encode_again`) tidy it and encode it once more."""
    names, get = signed_headers.split(";"), request.headers.fields.get
    headers = "".join([f"{name}:{get(name, '')}\n" for name in names])
    if "," in headers or "  " in headers or "\t" in headers or ": " in headers or " \n" in headers:
        headers = "".join([f"{name}:{_value(request.headers, name)}\n" for name in names])
    path = _path(request.path) if encode_again else request.path or "/"
    return _bytes(f"{request.method}\n{path}\n{_sorted(request.query)}\n{headers}\n{signed_headers}\n{payload}")


def recoded(request: Request) -> Request:
    """Return the request with path and query percent-encoded as AWS does it; their meaning stays the same."""
    path = "/".join(_recoded(segment) for segment in request.path.split("/"))
    parts = (part.replace("+", " ").partition("=") for part in request.query.split("&") if part)
    query = "&".join(f"{_recoded(name)}={_recoded(value)}" for name, _, value in parts)
    return replace(request, path=path, query=query)


def _recoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")


def _value(headers: Headers, name: str) -> str:
    """Return a header's value without needless spaces; each of several on its own, joined by commas."""
    value = headers.get(name)
    if "," in value:
        return ",".join([_folded(each) for key, each in headers.items() if key == name])
    return _folded(value)


def _folded(value: str) -> str:
    text = value.strip(" \t")
    return _SPACES.sub(" ", text) if "  " in text or "\t" in text else text


def _path(path: str) -> str:
    return _remembered(path) if len(path) <= PATH_CHARACTERS_MAX else _tidied(path)


def _tidied(path: str) -> str:
    if not path or _TIDY_PATH.fullmatch(path):
        return path or "/"
    if "//" in path or "/." in path:
        path = _without_dots(path)
    return quote(path, safe="/~")


_remembered = lru_cache(PATHS_MAX)(_tidied)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _sorted(query: str) -> str:
    if not query:
        return ""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and name != "X-Amz-Signature":
            pairs.append((name, value))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")  # headers are bytes; latin-1 gives back those that came
    except UnicodeEncodeError:
        return text.encode()

"""The `context` that inference functions may ask for: the request's headers in, the reply's headers and status out.

Shaped as AWS's multi-model server shapes it; the first argument of its methods, an index into a batch, is always 0.
"""

from __future__ import annotations

from collections.abc import Mapping

# What else a script may set; anything more would let it break the response's framing.
RESPONSE_HEADERS = frozenset({"x-amzn-sagemaker-custom-attributes"})


class Context:
    """One request's context."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self.response_headers: dict[str, str] = {}
        self.content_type: str | None = None
        self.status: int | None = None

    def get_request_header(self, index: int, key: str) -> str | None:
        """Return a header of the request."""
        return self._headers.get(key.lower())

    def get_all_request_header(self, index: int) -> Mapping[str, str]:
        """Return all headers of the request, names in lower case."""
        return self._headers

    def set_response_header(self, index: int, key: str, value: str) -> None:
        """Set a header of the reply; only AWS's custom attributes can be set."""
        if key.lower() in RESPONSE_HEADERS:
            self.response_headers[key] = value

    def set_response_content_type(self, index: int, value: str) -> None:
        """Set the reply's content type."""
        self.content_type = value

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Set the reply's status."""
        self.status = code

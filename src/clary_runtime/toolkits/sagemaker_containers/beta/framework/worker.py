"""The reply that `output_fn` may return."""

from __future__ import annotations


class Response:
    """A body, its content type and a status."""

    def __init__(
        self, response: str | bytes = b"", accept: str | None = None, status: int = 200, mimetype: str | None = None
    ) -> None:
        self.response = response
        self.status = status
        self.mimetype = accept or mimetype

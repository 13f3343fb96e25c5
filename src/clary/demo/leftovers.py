"""What the demo has made and must delete, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

GONE = ("ResourceNotFound", "ResourceNotFoundException", "NoSuchBucket", "NoSuchEntity")


class Leftovers:
    """Ways to delete what was made, in the order of its making."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def add(self, delete: Callable[..., object], *arguments: Any, **parameters: Any) -> None:
        """Note, before it is made, how something is deleted again."""
        with self._lock:
            self._undo.append(lambda: delete(*arguments, **parameters))

    def delete(self) -> int:
        """Delete everything, the newest first, and return how many things there were."""
        count = 0
        while self._undo:
            self._delete_one(self._undo.pop())
            count += 1
        return count

    @staticmethod
    def _delete_one(delete: Callable[[], object]) -> None:
        from botocore.exceptions import ClientError  # heavy, and wanted late

        try:
            delete()
        except ClientError as error:
            missing = error.response["Error"]["Code"] in GONE or "Could not find" in str(error)
            if not missing:  # it may never have been made
                raise

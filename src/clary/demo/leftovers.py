"""What the demo has made and must delete, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GONE = ("ResourceNotFound", "ResourceNotFoundException", "NoSuchBucket", "NoSuchEntity")
GONE_TOO = "Could not find"  # how SageMaker's ValidationException says so


@dataclass(frozen=True, slots=True)
class _Leftover:
    what: str
    delete: Callable[[], object]


class Leftovers:
    """Ways to delete what was made, in the order of its making."""

    def __init__(self) -> None:
        self._all: list[_Leftover] = []
        self._lock = threading.Lock()

    def add(self, what: str, delete: Callable[..., object], *arguments: Any, **parameters: Any) -> None:
        """Note, before something is made, how it is deleted again."""
        with self._lock:
            self._all.append(_Leftover(what, lambda: delete(*arguments, **parameters)))

    def __len__(self) -> int:
        """Return how many things are left."""
        return len(self._all)

    def delete(self) -> list[str]:
        """Delete everything, the newest first; return why something could not be, for each that could not."""
        failures = []
        while self._all:
            failure = _deleted(self._all.pop())
            if failure:
                failures.append(failure)
        return failures


def _deleted(leftover: _Leftover) -> str | None:
    """Delete something, which may never have been made; return why that failed, if it did."""
    from botocore.exceptions import BotoCoreError, ClientError  # heavy, and wanted late

    try:
        leftover.delete()
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE and GONE_TOO not in str(error):
            return f"{leftover.what}: {error}"
    except BotoCoreError as error:
        return f"{leftover.what}: {error}"
    return None

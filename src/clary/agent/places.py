"""Places in S3 and in /opt/ml, and the one way from a key to a path that never leaves its folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)
SEGMENT_BYTES_MAX = 255


class Mistake(Exception):
    """The owner's to mend: wrong places, missing data, denied access. The words reach the FailureReason."""


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket and a key, or a prefix of keys."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Place:
        """Return the place, or raise Mistake."""
        found = URI.fullmatch(uri)
        if found is None:
            raise Mistake(f"Invalid S3 URI: {uri}")
        return cls(found[1], found[2] or "")

    def __truediv__(self, name: str) -> S3Place:
        return S3Place(self.bucket, f"{self.key.rstrip('/')}/{name}" if self.key else name)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def relative(key: str, prefix: str) -> str:
    """Return where an object goes inside its channel: what of its key lies behind the prefix's last whole folder.

    An object that is itself the prefix goes by its base name.
    """
    if key == prefix:
        return key.rpartition("/")[2]
    if key.startswith(prefix.rstrip("/") + "/"):
        return key[len(prefix.rstrip("/")) + 1 :] if prefix else key
    return key[prefix.rfind("/") + 1 :]


def inside(folder: Path, name: str) -> Path:
    """Return the path of `name` below `folder`, or raise Mistake if it would lie elsewhere or cannot be a file."""
    parts = PurePosixPath(name).parts
    unsafe = not parts or ".." in parts or name.startswith("/") or "\0" in name
    if unsafe or any(len(part.encode()) > SEGMENT_BYTES_MAX for part in parts):
        raise Mistake(f"The object key {name!r} cannot be the path of a file.")
    return folder.joinpath(*parts)

"""Data in: the channels of a job, its checkpoints, a model, a source archive; read as the instance's own role."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from clary.agent.archives import unpack
from clary.agent.places import Mistake, S3Place, inside, relative
from clary.agent.tools import Client
from clary.core.errors import ServiceError

OBJECTS_MAX = 1_000_000
MANIFEST_BYTES_MAX = 64 * 2**20
PAGE = 1000


class Cancelled(Exception):
    """Nobody wants the instance any more."""


@dataclass(frozen=True, slots=True)
class Downloader:
    """Brings objects to files; `room_bytes` is what the instance's volume holds."""

    s3: Client
    room_bytes: int
    cancelled: Callable[[], bool]

    def channel(self, channel: Mapping[str, Any], folder: Path) -> None:
        """Fill a channel's folder with the objects that its data source names."""
        folder.mkdir(parents=True, exist_ok=True)
        source = channel["DataSource"]["S3DataSource"]
        unzip = channel.get("CompressionType", "None") == "Gzip"
        found = list(self._matches(source))
        if not found:
            raise Mistake(
                f"No S3 objects found under S3 URL {source['S3Uri']!r} given in input data source. "
                "Please ensure that the bucket exists in the selected region, that objects exist under that S3 prefix, "
                "and that the role has s3:ListBucket permissions on the bucket."
            )
        if "ShuffleConfig" in channel:
            random.Random(channel["ShuffleConfig"]["Seed"]).shuffle(found)  # noqa: S311 - an order, not a secret
        for place, name in found:
            self.file(place, _target(folder, name, unzip=unzip), unzip=unzip)

    def folder(self, place: S3Place, folder: Path) -> None:
        """Fill a folder with every object below a prefix; there may be none."""
        folder.mkdir(parents=True, exist_ok=True)
        for each, name in self._below(place):
            self.file(each, inside(folder, name), unzip=False)

    def file(self, place: S3Place, path: Path, *, unzip: bool = False) -> None:
        """Write one object to a file."""
        if self.cancelled():
            raise Cancelled
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = self._get(place)
        if answer["ContentLength"] > self.room_bytes:
            raise Mistake(f"{place} does not fit on the instance's volume.")
        with path.open("wb") as file:
            _write(file, self._watched(answer["Body"]), place, unzip=unzip)

    def model(self, source: Mapping[str, Any], folder: Path) -> None:
        """Fill a model's folder: from a model.tar.gz, or from uncompressed objects."""
        folder.mkdir(parents=True, exist_ok=True)
        if not source:
            return
        place = S3Place.parse(source["S3Uri"])
        if source["S3DataType"] == "S3Prefix":
            self.folder(place, folder)
        elif source["CompressionType"] == "None":
            self.file(place, inside(folder, place.key.rpartition("/")[2]))
        else:
            self._archive(place, folder)

    def _archive(self, place: S3Place, folder: Path) -> None:
        archive = folder.parent / ".model.tar.gz"
        try:
            self.file(place, archive)
        except Mistake as error:
            raise Mistake(f"Could not find model data at {place}. {error}") from None
        unpack(archive, folder, room_bytes=self.room_bytes, what=str(place))
        archive.unlink()

    def _matches(self, source: Mapping[str, Any]) -> Iterator[tuple[S3Place, str]]:
        place = S3Place.parse(source["S3Uri"])
        if source["S3DataType"] == "S3Prefix":
            return self._below(place)
        return self._listed(place)

    def _below(self, place: S3Place) -> Iterator[tuple[S3Place, str]]:
        token: dict[str, str] = {}
        count = 0
        while True:
            if self.cancelled():
                raise Cancelled
            page = self._call("ListObjectsV2", place, Bucket=place.bucket, Prefix=place.key, MaxKeys=PAGE, **token)
            for entry in page.get("Contents", ()):
                key = entry["Key"]
                count += 1
                if count > OBJECTS_MAX:
                    raise Mistake(f"There are more than {OBJECTS_MAX} objects below {place}.")
                if not key.endswith("/"):
                    yield S3Place(place.bucket, key), relative(key, place.key)
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _listed(self, place: S3Place) -> Iterator[tuple[S3Place, str]]:
        """Give the objects of a manifest: `[{"prefix": "s3://…"}, "name", …]` (API reference, S3DataSource)."""
        answer = self._get(place)
        if answer["ContentLength"] > MANIFEST_BYTES_MAX:
            raise Mistake(f"The manifest {place} is larger than {MANIFEST_BYTES_MAX} bytes.")
        try:
            head, *names = json.loads(b"".join(answer["Body"]))
            prefix = head["prefix"]
        except (ValueError, KeyError, TypeError):
            raise Mistake(
                f"The manifest {place} is not valid: it must be a JSON list that begins with a prefix."
            ) from None
        base = S3Place.parse(prefix)
        for name in names:
            if not isinstance(name, str):
                raise Mistake(f"The manifest {place} is not valid: {name!r} is not a name.")
            yield S3Place(base.bucket, base.key + name), name

    def _get(self, place: S3Place) -> dict[str, Any]:
        return self._call("GetObject", place, Bucket=place.bucket, Key=place.key)

    def _call(self, operation: str, place: S3Place, /, **params: Any) -> dict[str, Any]:
        try:
            return self.s3(operation, **params)
        except ServiceError as error:
            raise Mistake(f"Data download failed for {place}: {error.code}: {error.message}") from error

    def _watched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self.cancelled():
                raise Cancelled
            yield piece


def _target(folder: Path, name: str, *, unzip: bool) -> Path:
    return inside(folder, name.removesuffix(".gz") if unzip else name)


def _write(file: BinaryIO, pieces: Iterable[bytes], place: S3Place, *, unzip: bool) -> None:
    if not unzip:
        for piece in pieces:
            file.write(piece)
        return
    try:
        with gzip.GzipFile(fileobj=cast(BinaryIO, _Reader(pieces))) as source:
            shutil.copyfileobj(source, file, 2**20)
    except (OSError, EOFError, zlib.error) as error:
        raise Mistake(f"{place} is not valid gzip: {error}") from error


class _Reader:
    """Pieces as the file that gzip wants to read from."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, n: int = -1) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        data, self._rest = (self._rest, b"") if n < 0 else (self._rest[:n], self._rest[n:])
        return data

"""Data out: what a job made goes to S3 as the job's own role; doing it again changes nothing."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from clary.agent import strangers
from clary.agent.archives import pack
from clary.agent.places import Mistake, S3Place
from clary.agent.tools import Client
from clary.core.errors import ServiceError

PUT_BYTES_MAX = 5 * 2**30
PART_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file as the body of an upload."""

    file: BinaryIO
    length: int

    def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes."""
        return self.file.read(n)


@dataclass(frozen=True, slots=True)
class Uploader:
    """Brings what is below an /opt/ml to objects."""

    s3: Client
    opt_ml: Path

    def archive(self, names: tuple[str, ...], place: S3Place) -> None:
        """Upload the contents of a folder as one .tar.gz."""
        with strangers.opened(self.opt_ml, *names) as folder, tempfile.TemporaryFile(dir=self.opt_ml.parent) as packed:
            pack(folder, packed)
            packed.seek(0)
            self.file(packed, place)

    def tree(self, names: tuple[str, ...], place: S3Place) -> None:
        """Upload every file below a folder as an object of its own."""
        with strangers.opened(self.opt_ml, *names) as folder:
            for name, file in strangers.files(folder):
                self.file(file, place / name)

    def holds(self, names: tuple[str, ...]) -> bool:
        """Say whether a folder has anything in it."""
        with strangers.opened(self.opt_ml, *names) as folder:
            return bool(os.listdir(folder))

    def file(self, file: BinaryIO, place: S3Place) -> None:
        """Upload one file, in parts if one call may not carry it."""
        try:
            size = os.fstat(file.fileno()).st_size
            if size <= PUT_BYTES_MAX:
                self.s3("PutObject", Bucket=place.bucket, Key=place.key, Body=FileBody(file, size), ContentLength=size)
            else:
                self._parts(file, size, place)
        except ServiceError as error:
            raise Mistake(f"Upload to {place} failed: {error.code}: {error.message}") from error

    def _parts(self, file: BinaryIO, size: int, place: S3Place) -> None:
        where = {"Bucket": place.bucket, "Key": place.key}
        upload = self.s3("CreateMultipartUpload", **where)["UploadId"]
        parts = []
        for number, start in enumerate(range(0, size, PART_BYTES), 1):
            data = file.read(min(PART_BYTES, size - start))
            tag = self.s3("UploadPart", **where, UploadId=upload, PartNumber=number, Body=data)["ETag"]
            parts.append({"PartNumber": number, "ETag": tag})
        self.s3("CompleteMultipartUpload", **where, UploadId=upload, MultipartUpload={"Parts": parts})


@dataclass
class Mirror:
    """Keeps an S3 prefix like a folder while its files change: checkpoints."""

    uploader: Uploader
    names: tuple[str, ...]
    place: S3Place
    sent: dict[str, tuple[int, int]] = field(default_factory=dict)

    def sync(self) -> None:
        """Upload the files that are new or changed since they were sent last."""
        with strangers.opened(self.uploader.opt_ml, *self.names) as folder:
            for name, file in strangers.files(folder):
                told = os.fstat(file.fileno())
                stamp = (told.st_mtime_ns, told.st_size)
                if self.sent.get(name) != stamp:
                    self.uploader.file(file, self.place / name)
                    self.sent[name] = stamp

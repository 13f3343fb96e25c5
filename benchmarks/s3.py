"""S3 with big objects: processor against plain Python, and speed against the disk.

CPU seconds of all of Clary's processes for a PUT from a raw socket, against MD5 + SHA-256 + write + fsync of the same
bytes in one process, and for a GET, against read + checksum. Seconds of the same PUT and GET, and of boto3's uploads
and downloads in parts, against `dd` that writes and syncs as much, or reads it; nothing that is read is in memory.
What boto3 reaches with a server that keeps nothing is told beside them: no server can be faster. All take turns.

    python benchmarks/s3.py --pairs 3 --mib 1024
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import statistics
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from idle import cpu_s
from support.drains import drain
from support.running import Clary, clary

MIB = 1024 * 1024
BUCKET, KEY, PARTS_KEY = "clary-benchmark", "object", "object-in-parts"
CPU_GOAL = 1.5
SPEED_GOAL = 0.5


@dataclass
class Bench:
    """A running Clary, clients of it and of a server that keeps nothing, and what was measured by name of the work."""

    running: Clary
    s3: Any
    drained: Any
    mib: int
    block: bytes = field(default_factory=lambda: os.urandom(MIB))
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def do(self, name: str, work: Callable[[], None], *, cold: bool = False) -> None:
        """Do it once and note what it took: the processor of Clary, and of this process."""
        if cold:
            self._forget()
        own, server, began = time.process_time(), self._cpu_s(), time.perf_counter()
        work()
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)
        self.cpu.setdefault(name, []).append(self._cpu_s() - server)
        self.cpu.setdefault(f"{name}: this process", []).append(time.process_time() - own)

    def _cpu_s(self) -> float:
        return sum(map(cpu_s, self.running.pids().values()))

    def _forget(self) -> None:
        """Have the kernel forget what it holds of all files that will be read."""
        for path in (*(self.running.home / "blobs").rglob("*"), self.plain):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    @property
    def url(self) -> str:
        """Where Clary answers."""
        return f"http://127.0.0.1:{self.running.port}"

    @property
    def plain(self) -> Path:
        """The file of everything that does without Clary, on the same disk."""
        return self.running.home / "plain"

    def put(self) -> None:
        """Send an object on one connection."""
        sha256 = hashlib.sha256()
        for _ in range(self.mib):
            sha256.update(self.block)
        head = self._signed("PUT", sha256.hexdigest())
        head += b"\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (MIB * self.mib)
        self.do("PUT", lambda: self._send(head))

    def _send(self, head: bytes) -> None:
        with self._connected() as connection:
            connection.sendall(head)
            for _ in range(self.mib):
                connection.sendall(self.block)
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200"), answer

    def get(self) -> None:
        """Read the object on one connection and drop it."""
        head = self._signed("GET", hashlib.sha256().hexdigest()) + b"\r\nconnection: close\r\n\r\n"
        with self._connected() as connection:
            connection.sendall(head)
            while b"\r\n\r\n" not in (answer := connection.recv(4096, socket.MSG_PEEK)):
                time.sleep(0.001)
            connection.recv(answer.index(b"\r\n\r\n") + 4)
            buffer, left = memoryview(bytearray(MIB)), MIB * self.mib
            while left and (count := connection.recv_into(buffer)):
                left -= count
        assert left == 0, "the answer was cut short"

    def _signed(self, method: str, digest: str) -> bytes:
        """Return the head of a signed request, but for the headers that say how long the body is."""
        url = f"{self.url}/{BUCKET}/{KEY}"
        request = AWSRequest(method=method, url=url, headers={"x-amz-content-sha256": digest})
        keys = self.running.keys()
        credentials = Credentials(keys["access_key_id"], keys["secret_access_key"])
        signer = S3SigV4Auth(credentials, "s3", keys["region"])
        signer.payload = lambda _: digest  # type: ignore[method-assign]
        signer.add_auth(request)
        lines = [f"{method} /{BUCKET}/{KEY} HTTP/1.1", f"host: {urlsplit(self.url).netloc}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "host"]
        return "\r\n".join(lines).encode()

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.running.port), timeout=600)

    def upload(self, s3: Any) -> None:
        """Have boto3 send a file in parts."""
        s3.upload_file(str(self.plain), BUCKET, PARTS_KEY)

    def download(self, s3: Any) -> None:
        """Have boto3 fetch it in parts, and drop it."""
        with open(os.devnull, "wb") as nowhere:
            s3.download_fileobj(BUCKET, PARTS_KEY, nowhere)

    def plain_put(self) -> None:
        """Hash the same bytes, write them and bring them to disk."""
        md5, sha256 = hashlib.md5(), hashlib.sha256()
        with self.plain.open("wb") as file:
            for _ in range(self.mib):
                md5.update(self.block)
                sha256.update(self.block)
                file.write(self.block)
            file.flush()
            os.fsync(file.fileno())

    def plain_get(self) -> None:
        """Read the file and take its checksum."""
        checksum = 0
        with self.plain.open("rb", buffering=0) as file:
            while piece := file.read(MIB):
                checksum = zlib.crc32(piece, checksum)

    def write(self) -> None:
        """Write as much, and bring it to disk."""
        self._dd("if=/dev/zero", f"of={self.plain}", f"count={self.mib}", "conv=fsync")

    def read(self) -> None:
        """Read as much."""
        self._dd(f"if={self.plain}", "of=/dev/null")

    def _dd(self, *arguments: str) -> None:
        subprocess.run(["dd", "bs=1M", *arguments], check=True, stderr=subprocess.DEVNULL)


def turn(bench: Bench) -> None:
    """Do everything once."""
    bench.do("dd write", bench.write)
    bench.put()
    bench.do("plain PUT", bench.plain_put)
    bench.do("upload", lambda: bench.upload(bench.s3))
    bench.do("upload, not kept", lambda: bench.upload(bench.drained))
    bench.do("dd read", bench.read, cold=True)
    bench.do("GET", bench.get, cold=True)
    bench.do("plain GET", bench.plain_get, cold=True)
    bench.do("download", lambda: bench.download(bench.s3), cold=True)
    bench.do("download of zeros", lambda: bench.download(bench.drained))


def told(bench: Bench) -> Iterator[str]:
    """Give the lines of the report."""
    yield f"{'CPU seconds':32} {'Clary':>8} {'plain':>8} {'ratio':>8} {'goal':>8}"
    for name in ("PUT", "GET"):
        pairs = list(zip(bench.cpu[name], bench.cpu[f"plain {name}: this process"], strict=True))
        ratio = statistics.median(ours / plain for ours, plain in pairs)
        ours, plain = (statistics.median(each) for each in zip(*pairs, strict=True))
        yield f"{name:32} {ours:8.2f} {plain:8.2f} {ratio:8.2f} {f'<= {CPU_GOAL}':>8}"
    yield f"{'MiB a second':32} {'median':>8} {'best':>8} {'of dd':>8} {'goal':>8}"
    works = dict.fromkeys(("dd write", "PUT", "upload", "upload, not kept"), "dd write")
    works |= dict.fromkeys(("dd read", "GET", "download", "download of zeros"), "dd read")
    for name, peer in works.items():
        seconds = bench.seconds[name]
        ratio = statistics.median(theirs / ours for theirs, ours in zip(bench.seconds[peer], seconds, strict=True))
        median, best = bench.mib / statistics.median(seconds), bench.mib / min(seconds)
        goal = f">= {SPEED_GOAL}" if name in ("PUT", "GET", "upload", "download") else ""
        yield f"{name:32} {median:8.0f} {best:8.0f} {ratio:8.2f} {goal:>8}"


def main() -> None:
    """Measure in turns, and print medians beside the goals."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024)
    chosen = parser.parse_args()
    with drain(chosen.mib * MIB) as port, clary() as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        bench = Bench(running, s3, replace(running, port=port).client("s3"), chosen.mib)
        for _ in range(chosen.pairs):
            turn(bench)
    print("\n".join(told(bench)))


if __name__ == "__main__":
    main()

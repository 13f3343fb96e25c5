"""S3 against plain Python: CPU seconds of all of Clary's processes to take in an object, and to give it back.

PUT: an object from a raw socket, against MD5 + SHA-256 + write + fsync of the same bytes in one process. GET: the
object to a raw socket, against read + checksum. Pairs are interleaved, in turn first; the ratio is the median.

    clary up --detach && eval "$(clary env)" && python benchmarks/s3.py --pairs 3 --mib 1024
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")
BUCKET, KEY = "clary-benchmark", "object"


@dataclass(frozen=True)
class Server:
    """Where Clary answers, and the processes it is made of."""

    url: str
    root: int

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its processes so far."""
        stats = {pid: stat_of(pid) for pid in pids()}
        mine, grown = {self.root}, True
        while grown:
            more = {pid for pid, stat in stats.items() if stat and int(stat[1]) in mine} - mine
            mine |= more
            grown = bool(more)
        # Fields 11 to 14: user and system time, of the process and of the children it waited for.
        return sum(sum(map(int, stats[pid][11:15])) for pid in mine if stats.get(pid)) / TICKS


def pids() -> list[int]:
    """Return every process."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_of(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the name: state, parent, …; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def listener_of(port: int) -> int:
    """Return the topmost process that holds the socket listening on a port, 0 if there is none here."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "0A":
            sockets.add(f"socket:[{fields[9]}]")
    holders = {pid for pid in pids() if sockets & set(descriptors(pid))}
    return next((pid for pid in holders if int(stat_of(pid)[1]) not in holders), 0)


def descriptors(pid: int) -> list[str]:
    """Return what a process has open."""
    try:
        return [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
    except OSError:
        return []


def signed(url: str, method: str, digest: str) -> bytes:
    """Return the head of a signed request, but for the headers that say how long the body is."""
    request = AWSRequest(method=method, url=f"{url}/{BUCKET}/{KEY}", headers={"x-amz-content-sha256": digest})
    session = boto3.Session()
    request.context["payload_signing_enabled"] = False
    signer = S3SigV4Auth(session.get_credentials().get_frozen_credentials(), "s3", session.region_name or "us-east-1")
    signer.payload = lambda _: digest  # type: ignore[method-assign]
    signer.add_auth(request)
    lines = [f"{method} /{BUCKET}/{KEY} HTTP/1.1", f"host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "host"]
    return "\r\n".join(lines).encode()


def put(url: str, block: bytes, count: int, digest: str) -> None:
    """Send an object of `count` blocks."""
    head = signed(url, "PUT", digest) + b"\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (len(block) * count)
    with connected(url) as sock:
        sock.sendall(head)
        for _ in range(count):
            sock.sendall(block)
        answer = sock.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200"), answer


def get(url: str, size: int) -> None:
    """Read the object and drop it."""
    with connected(url) as sock:
        sock.sendall(signed(url, "GET", hashlib.sha256().hexdigest()) + b"\r\nconnection: close\r\n\r\n")
        buffer = memoryview(bytearray(MIB))
        left = size
        while b"\r\n\r\n" not in (head := sock.recv(4096, socket.MSG_PEEK)):
            time.sleep(0.001)
        sock.recv(head.index(b"\r\n\r\n") + 4)
        while left and (n := sock.recv_into(buffer)):
            left -= n
    assert left == 0, "the answer was cut short"


def connected(url: str) -> socket.socket:
    """Return a connection to the server."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=600)


def plain_put(path: Path, block: bytes, count: int) -> None:
    """Hash the same bytes, write them and bring them to disk."""
    md5, sha256 = hashlib.md5(), hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(count):
            md5.update(block)
            sha256.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def plain_get(path: Path) -> None:
    """Read the file and take its checksum."""
    checksum = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(MIB):
            checksum = zlib.crc32(piece, checksum)


def plain_cpu_s(work: Callable[[], None]) -> float:
    """Return the CPU seconds of work in this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def pairs(name: str, goal: float, count: int, ours: Callable[[], float], plain: Callable[[], float]) -> None:
    """Run both in turn and print each pair, and the median ratio."""
    ratios = []
    for number in range(count):
        if number % 2:
            second = plain()
            first = ours()
        else:
            first, second = ours(), plain()
        ratios.append(first / second)
        print(f"{name}: Clary {first:.2f} CPU s, plain Python {second:.2f} CPU s, ratio {first / second:.2f}")
    print(f"{name}: median ratio {statistics.median(ratios):.2f} over {count} pairs (goal: at most {goal})")


def found_server() -> Server:
    """Return the server that the environment names, or say how to start one."""
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "http://127.0.0.1:4566"
    root = listener_of(urlsplit(url).port or 80)
    if not root:
        sys.exit(f'Nothing listens at {url}: start clary first (clary up --detach; eval "$(clary env)").')
    try:
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    except BotoCoreError as error:
        sys.exit(f'{error} (eval "$(clary env)" gives the keys)')
    return Server(url, root)


def main() -> None:
    """Measure PUT, then GET."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024)
    chosen = parser.parse_args()
    server = found_server()
    block = os.urandom(MIB)
    sha256 = hashlib.sha256()
    for _ in range(chosen.mib):
        sha256.update(block)

    def server_cpu_s(work: Callable[[], None]) -> float:
        before = server.cpu_s()
        work()
        return server.cpu_s() - before

    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        path = Path(folder) / "object"
        digest = sha256.hexdigest()
        pairs(
            "PUT", 1.5, chosen.pairs,
            lambda: server_cpu_s(lambda: put(server.url, block, chosen.mib, digest)),
            lambda: plain_cpu_s(lambda: plain_put(path, block, chosen.mib)),
        )  # fmt: skip
        pairs(
            "GET", 1.5, chosen.pairs,
            lambda: server_cpu_s(lambda: get(server.url, chosen.mib * MIB)),
            lambda: plain_cpu_s(lambda: plain_get(path)),
        )  # fmt: skip
    client = boto3.client("s3", endpoint_url=server.url)
    client.delete_object(Bucket=BUCKET, Key=KEY)
    client.delete_bucket(Bucket=BUCKET)


if __name__ == "__main__":
    main()

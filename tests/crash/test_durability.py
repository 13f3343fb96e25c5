"""kill -9 does not test a loss of power: the order of system calls does. What is answered is on disk before."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.crash.machine import Machine
from tests.e2e.conftest import XGBOOST, eventually

CALLS = "fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write"
LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<name>\w+)\()(?P<rest>.*)")


@pytest.fixture(scope="module")
def strace() -> str:
    """Give strace, installed if this user may."""
    if shutil.which("strace") is None and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-qq", "-y", "strace"], check=False, capture_output=True)
    if shutil.which("strace") is None:
        pytest.skip("strace is not there, and cannot be installed")
    return "strace"


@dataclass(frozen=True)
class Happened:
    """A system call's place in the order of events: when it began, and when it returned."""

    call: str
    text: str
    began: int
    returned: int


@dataclass
class Trace:
    """What a process asked of the kernel."""

    path: Path
    _lines: list[str] = field(default_factory=list)

    def calls(self) -> list[Happened]:
        happened, open_calls = [], {}
        for number, line in enumerate(self.path.read_text(errors="replace").splitlines()):
            found = LINE.match(line)
            if found is None:
                continue
            if found["resumed"]:
                name, text, began = open_calls.pop(found["thread"], (found["resumed"], "", number))
                happened.append(Happened(name, text + found["rest"], began, number))
            elif line.endswith("<unfinished ...>"):
                open_calls[found["thread"]] = (found["name"], found["rest"], number)
            else:
                happened.append(Happened(found["name"], found["rest"], number, number))
        return sorted(happened, key=lambda each: each.began)

    def first(self, pattern: str, after: int = -1) -> Happened:
        """Return the first call that matches and began after a place."""
        for each in self.calls():
            if each.began > after and re.search(pattern, f"{each.call}({each.text}"):
                return each
        raise AssertionError(f"nothing matches {pattern} in:\n{self.path.read_text(errors='replace')[-5000:]}")


@contextmanager
def traced(strace: str, machine: Machine, tmp_path: Path) -> Iterator[Trace]:
    """Trace the api; the trace may be read when this is over."""
    said, log = tmp_path / "said", tmp_path / "trace"
    with said.open("w") as errors:
        command = [
            strace,
            "-f",
            "-y",
            "-s",
            "64",
            "-e",
            f"trace={CALLS}",
            "-o",
            str(log),
            "-p",
            str(machine.pid("api")),
        ]
        tracer = subprocess.Popen(command, stderr=errors)
    eventually(lambda: "attached" in said.read_text() or tracer.poll() is not None, 20)
    if tracer.poll() is not None:
        pytest.skip(f"this process may not trace another: {said.read_text()}")
    try:
        yield Trace(log)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)


def test_an_objects_bytes_its_name_and_its_row_are_synced_before_the_answer(strace, machine, account, tmp_path):
    bucket = account.bucket
    with traced(strace, machine, tmp_path) as trace:
        account("s3").put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000)
    answer = trace.first(r'(sendto|sendmsg|write)\(\d+<.*"HTTP/1\.1 200')
    file = trace.first(r"fsync\(\d+<.*/blobs/tmp/[0-9a-f]+>")
    renamed = trace.first(r"rename\w*\(.*/blobs/tmp/", file.returned)
    folder = trace.first(r"fsync\(\d+<.*/blobs/[0-9a-f]{2}>", renamed.returned)
    committed = trace.first(r"(fsync|fdatasync)\(\d+<.*/db/objects\.db-wal>", folder.returned)
    assert committed.returned < answer.began
    assert all(each.text.endswith("= 0") for each in (file, renamed, folder, committed))


def test_a_small_objects_row_is_synced_before_the_answer_and_has_no_file(strace, machine, account, tmp_path):
    bucket = account.bucket
    eventually(lambda: not machine.blobs())  # those of an account that was closed go soon
    with traced(strace, machine, tmp_path) as trace:
        account("s3").put_object(Bucket=bucket, Key="k", Body=b"x" * 1000)
    answer = trace.first(r'(sendto|sendmsg|write)\(\d+<.*"HTTP/1\.1 200')
    committed = trace.first(r"(fsync|fdatasync)\(\d+<.*/db/objects\.db-wal>")
    assert committed.returned < answer.began
    assert committed.text.endswith("= 0")
    assert machine.blobs() == []


def test_a_records_row_is_synced_before_the_answer(strace, machine, account, tmp_path):
    role = account.role
    wanted = {"ModelName": "m", "PrimaryContainer": {"Image": XGBOOST}, "ExecutionRoleArn": role}
    with traced(strace, machine, tmp_path) as trace:
        account("sagemaker").create_model(**wanted)
    answer = trace.first(r'(sendto|sendmsg|write)\(\d+<.*"HTTP/1\.1 200')
    committed = trace.first(r"(fsync|fdatasync)\(\d+<.*/db/records\.db-wal>")
    assert committed.returned < answer.began
    assert committed.text.endswith("= 0")

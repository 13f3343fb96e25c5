"""What a program inside can see and do: tried from inside, on a real instance."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from clary.compute.backend import Instance
from clary.compute.sandbox import Identity, Machine, arguments, environment, interpreter_trees, view

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' files to hide")
MIB = 2**20

# Each line of the answer is the path and what opening it said.
TRY_TO_READ = """
import os, sys
for path in sys.argv[1:] or {paths!r}:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).read()
        print(path, "readable")
    except OSError as error:
        print(path, type(error).__name__)
"""
TRY_TO_WRITE = """
import os
for path in {paths!r}:
    try:
        open(os.path.join(path, "by-a-program"), "w").write("x")
        print(path, "written")
    except OSError as error:
        print(path, "refused")
"""


def test_the_files_of_the_machine_are_not_there(lab: Any) -> None:
    secret = lab.folder / "secret"
    secret.write_text("s3cr3t")
    paths = [
        "/etc/shadow",
        "/etc/ssh",
        "/home",
        "/boot",
        "/sys",
        "/var/log",
        str(secret),
        str(lab.folder),
        "/root/.ssh",
    ]
    said = lab.output("a", TRY_TO_READ.format(paths=paths))
    assert "readable" not in said.replace("/var/log", "")
    assert said.count("FileNotFoundError") == len(paths)


@AS_ROOT
def test_an_interpreter_under_a_closed_home_works_and_the_rest_of_that_home_is_hidden(lab: Any) -> None:
    closed = lab.folder / "closed"
    (closed / "image").mkdir(parents=True)
    (closed / "image/data").write_text("shown")
    (closed / "other").write_text("hidden")
    closed.chmod(0o700)
    program = (
        f"print(open('{closed}/image/data').read()); import os; print(os.listdir('{closed}'), os.listdir('/root'))"
    )
    said = lab.output("a", program, readable=(closed / "image",))
    assert said.splitlines()[0] == "shown"
    assert "['image']" in said
    assert ".ssh" not in said


def test_another_instances_folder_cannot_be_reached(lab: Any) -> None:
    other = lab.start(
        "b", "import time; open('/opt/ml/model', 'w').write('x'); print('up', flush=True); time.sleep(1000)"
    )
    lab.printed("b", "up")
    program = """
import os
print(os.listdir("/opt/ml"), os.listdir("/run/clary"))
for pid in filter(str.isdecimal, os.listdir("/proc")):
    for place in ("root", "cwd", "fd"):
        try:
            print("reached", pid, os.listdir(f"/proc/{pid}/{place}/ml"))
        except OSError:
            pass
print(sorted(map(int, filter(str.isdecimal, os.listdir("/proc")))))
"""
    said = lab.output("a", program)
    assert said.splitlines()[0] == "[] []"
    assert "reached" not in said
    assert said.splitlines()[-1] == "[1, 2]"
    if os.geteuid() == 0:
        assert other.opt_ml.stat().st_uid != (lab.folder / "ml-a").stat().st_uid


def test_only_its_own_places_can_be_written(lab: Any) -> None:
    paths = [
        "/opt/ml",
        "/tmp",
        "/dev/shm",
        "/run/clary",
        "/",
        "/usr/lib",
        "/etc",
        "/dev",
        "/opt",
        sys.prefix,
        "/proc/sys/kernel",
    ]
    said = lab.output("a", TRY_TO_WRITE.format(paths=paths)).splitlines()
    assert [line.split()[0] for line in said if line.endswith("written")] == [
        "/opt/ml",
        "/tmp",
        "/dev/shm",
        "/run/clary",
    ]


def test_it_has_no_capability_no_new_privileges_and_a_filter(lab: Any) -> None:
    said = lab.output("a", "print(open('/proc/self/status').read())")
    values = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    assert {values[f"Cap{kind}"].strip() for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert values["NoNewPrivs"].strip() == "1"
    assert values["Seccomp"].strip() == "2"


@AS_ROOT
def test_as_root_it_is_a_user_that_nobody_else_is(lab: Any) -> None:
    said = lab.output("a", "import os; print(os.getresuid(), os.getgroups(), os.stat('/opt/ml').st_uid == os.getuid())")
    uid = (lab.folder / "ml-a").stat().st_uid
    assert uid >= 200_000
    assert said.strip() == f"{(uid, uid, uid)} [{uid}] True" or said.strip() == f"{(uid, uid, uid)} [] True"


def test_dangerous_system_calls_are_denied(lab: Any) -> None:
    program = """
import ctypes, os, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
for flags in (0x10000000, 0x40000000, 0x20000):
    print("unshare", libc.unshare(flags), ctypes.get_errno())
print("mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), ctypes.get_errno())
for number in {numbers}:
    ctypes.set_errno(0)
    print(number, libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno())
thread = threading.Thread(target=print, args=("threads work",)); thread.start(); thread.join()
print(subprocess.run(["/bin/echo", "processes work"], capture_output=True, text=True).stdout)
"""
    numbers = (321, 298, 250, 425, 272) if os.uname().machine == "x86_64" else (280, 241, 219, 425, 97)
    said = lab.output("a", program.replace("{numbers}", str(numbers)))
    assert "threads work" in said
    assert "processes work" in said
    denied = [line.split() for line in said.splitlines() if not line.endswith("work") and line]
    assert len(denied) == 4 + len(numbers)
    assert {(result, error) for _, result, error in denied} == {("-1", "1")}


def test_names_inside_are_as_the_instance_says(lab: Any) -> None:
    program = """
import os, socket
print(socket.gethostname(), socket.gethostbyname("algo-7"), os.getcwd(), open("/etc/hostname").read())
"""
    assert lab.output("a", program, host_name="algo-7").split() == ["algo-7", "127.0.0.1", "/opt/ml", "algo-7"]


def test_programs_see_only_their_own_network(lab: Any) -> None:
    program = (
        "import socket\ns = socket.create_server(('0.0.0.0', 8080)); print([i for _, i in socket.if_nameindex()])\n"
    )
    for number in range(3):
        lab.start(f"a{number}", program + "import time; print('up', flush=True); time.sleep(1000)")
    for number in range(3):
        lab.printed(f"a{number}", "['lo']")


def test_a_fork_bomb_is_contained(lab: Any) -> None:
    bomb = """
import os, time
made = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(1000)
        made += 1
except OSError as error:
    print(made, error, flush=True)
"""
    made = int(lab.output("a", bomb, processes_max=50).split()[0])
    assert 10 < made < 50


def test_a_memory_hog_is_killed_and_told_apart(lab: Any) -> None:
    if not any("control groups" in line for line in lab.backend.describe_limits() if line.startswith("Memory")):
        pytest.skip("no control groups here; the agent's watchdog is tested with the agent")
    seen = lab.run("a", "x = []\nwhile True: x.append(bytearray(8 << 20))", memory_bytes=128 * MIB)
    assert (seen.signal, seen.out_of_memory) == (9, True)
    assert lab.run("b", "import sys; sys.exit(137)").out_of_memory is False


def test_a_disk_filler_is_refused(lab: Any) -> None:
    filler = """
for path in ("/opt/ml/filler", "/tmp/filler", "/dev/shm/filler"):
    try:
        with open(path, "wb") as file:
            for _ in range(400): file.write(bytes(1 << 20))
        print(path, "filled")
    except OSError as error:
        print(path, error.strerror)
"""
    said = lab.output("a", filler, disk_bytes=50 * MIB, memory_bytes=256 * MIB, shm_bytes=8 * MIB)
    assert said.splitlines() == [
        "/opt/ml/filler File too large",
        "/tmp/filler File too large",
        "/dev/shm/filler No space left on device",
    ]
    said = lab.output("b", filler, disk_bytes=300 * MIB, memory_bytes=200 * MIB)
    assert said.splitlines()[1] == "/tmp/filler No space left on device"


def test_links_in_the_models_folder_are_not_followed_when_it_changes_hands(lab: Any) -> None:
    outside = lab.folder / "outside"
    outside.write_text("mine")
    before = outside.stat().st_uid
    instance = lab.instance("a", "pass")
    (instance.opt_ml / "link").symlink_to(outside)
    lab.backend.start(instance)
    lab.ended("a")
    assert outside.stat().st_uid == before


def test_the_command_line_allows_what_is_listed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv/pyvenv.cfg").write_text("home = /opt/pythons/3.11/bin\n")
    machine = Machine(
        Path("/bwrap"), Path("/setpriv"), (("usr/bin", "/bin"),), (Path("/usr"),), Path("/src/clary_runtime")
    )
    instance = Instance(
        "a", ("run",), {}, Path("/ml"), 1, 100, 100, python=tmp_path / "venv", readable=(Path("/usr/x"), Path("/img"))
    )
    root, user = Identity(5, 6, drop=True), Identity(5, 6, drop=False)
    said = arguments(instance, view(instance, Path("/i/a"), root, machine), root, machine)
    sources = [said[i + 1] for i, word in enumerate(said) if word in ("--bind", "--ro-bind")]
    made = [f"/i/a/etc/{name}" for name in ("passwd", "group", "hosts", "hostname", "resolv.conf", "nsswitch.conf")]
    trees = ["/img", "/opt/pythons/3.11", str(tmp_path / "venv"), "/usr"]
    assert sorted(sources) == sorted([*trees, *made, "/src/clary_runtime", "/ml", "/i/a/run"])
    assert said[said.index("--remount-ro", said.index("--chdir") - 3) :][:4] == [
        "--remount-ro",
        "/",
        "--chdir",
        "/opt/ml",
    ]
    assert "--unshare-net" not in said, "the network namespace is the keeper's"
    assert "--disable-userns" not in said
    without_root = arguments(instance, view(instance, Path("/i/a"), user, machine), user, machine)
    assert without_root[1:3] == ["--unshare-user", "--disable-userns"]
    assert "/setpriv" not in without_root


def test_the_instances_own_environment_wins_except_for_where_the_runtime_is() -> None:
    instance = Instance("a", ("run",), {"PATH": "/p", "PYTHONPATH": "/q"}, Path("/ml"), 1, 1, 1, python=Path("/py"))
    chosen = environment(instance)
    assert (chosen["PATH"], chosen["PYTHONPATH"], chosen["HOSTNAME"]) == ("/p", "/q:/opt/clary", "algo-1")


def test_a_base_interpreter_brings_only_itself(tmp_path: Path) -> None:
    assert interpreter_trees(tmp_path) == [tmp_path]

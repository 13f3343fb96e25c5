"""The life of an instance in the process back end: starting, ending, crashes of everyone involved."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clary.compute.backend import State
from clary.compute.process import ProcessBackend, ProcessSettings
from clary.core.errors import ComputeError

FOREVER = "import time; print('up', flush=True); time.sleep(1000)"
REMOTE_START = """
import json, os, sys
from pathlib import Path
from clary.compute.backend import Instance
from clary.compute.process import ProcessBackend, ProcessSettings
fields = json.loads(sys.argv[1])
paths = {name: Path(fields[name]) for name in ("opt_ml", "python")}
instance = Instance(**fields | paths | {"command": tuple(fields["command"])})
backend = ProcessBackend(Path(sys.argv[2]), ProcessSettings(doorbell=Path(sys.argv[3])))
print("ready", flush=True)
sys.stdin.readline()
backend.start(instance)
print("started", flush=True)
sys.stdin.readline()
"""


def keeper_pid(lab: Any, name: str) -> int:
    return json.loads((lab.folder / "i" / name / "keeper.json").read_text())["pid"]


def gone(pid: int) -> bool:
    """Say whether a process is gone, or only its parent's interest in it is left."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def processes_of(lab: Any) -> list[int]:
    """Return the processes, keepers included, that work for this laboratory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(lab.folder / "i") in command:
                found.append(int(entry.name))
    return found


def remote_starter(lab: Any, name: str, program: str) -> subprocess.Popen[str]:
    """Return a process that starts an instance, as an agent would, once it is told to."""
    instance = lab.instance(name, program)
    fields = {"name": name, "command": instance.command, "environment": {}, "opt_ml": str(instance.opt_ml), "vcpus": 1}
    fields |= {"memory_bytes": instance.memory_bytes, "disk_bytes": instance.disk_bytes, "python": str(instance.python)}
    arguments = [json.dumps(fields), str(lab.folder / "i"), str(lab.folder / "bell")]
    starter = subprocess.Popen(
        [sys.executable, "-c", REMOTE_START, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )  # fmt: skip
    assert starter.stdout is not None
    assert starter.stdout.readline() == "ready\n"
    return starter


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_a_program_runs_to_its_end_and_its_whole_log_is_there(lab: Any) -> None:
    seen = lab.run(
        "a", "import sys\nfor i in range(20000): print('line', i)\nprint('the end', file=sys.stderr); sys.exit(3)"
    )
    assert (seen.state, seen.exit_code, seen.signal, seen.error) == (State.EXITED, 3, None, None)
    lines = seen.log.read_text().splitlines()
    assert lines == [f"line {i}" for i in range(20000)] + ["the end"]
    assert seen.started_at is not None
    assert seen.started_at <= seen.ended_at


def test_a_signal_that_kills_the_program_is_told(lab: Any) -> None:
    seen = lab.run("a", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (seen.exit_code, seen.signal) == (128 + signal.SIGSEGV, signal.SIGSEGV)


def test_a_program_that_cannot_be_executed_ends_with_a_shells_code(lab: Any) -> None:
    seen = lab.run("a", ("/no/such/program",))
    assert seen.exit_code == 127
    assert "No such file" in seen.log.read_text()


def test_a_program_may_trap_sigterm_and_end_well(lab: Any) -> None:
    trap = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))\n"
    lab.start("a", trap + FOREVER)
    lab.printed("a", "up")
    lab.backend.signal("a", signal.SIGTERM)
    seen = lab.ended("a")
    assert (seen.exit_code, seen.signal) == (0, None)
    assert seen.log.read_text() == "up\nsaved\n"


def test_a_program_that_does_not_trap_sigterm_is_killed_by_it(lab: Any) -> None:
    lab.start("a", FOREVER)
    lab.printed("a", "up")
    lab.backend.signal("a", signal.SIGTERM)
    assert lab.ended("a").signal == signal.SIGTERM
    lab.backend.signal("a", signal.SIGTERM)  # nothing to do any more


def test_a_signal_at_any_moment_of_the_start_finds_the_program(lab: Any) -> None:
    for number in range(15):
        lab.start(f"a{number}", FOREVER)
        threading.Event().wait(number / 500)  # the moment is what is varied here
        lab.backend.signal(f"a{number}", signal.SIGTERM)
        seen = lab.ended(f"a{number}")
        assert (seen.signal, seen.error) == (signal.SIGTERM, None)


def test_what_a_program_leaves_behind_dies_with_it_and_zombies_are_reaped(lab: Any) -> None:
    orphan = (
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(1000)\n  os._exit(0)\n"
    )
    seen = lab.run("a", orphan + "os.wait(); print('done')")
    assert seen.exit_code == 0
    lab.wait(lambda: not processes_of(lab))


def test_stop_leaves_no_process_no_group_no_mount_and_no_socket(lab: Any) -> None:
    lab.start("a", "import os\nfor _ in range(5): os.fork()\n" + FOREVER, serves=True)
    lab.printed("a", "up")
    plan = json.loads((lab.folder / "i/a/instance.json").read_text())
    assert (lab.folder / "i/a/serve.sock").exists()
    lab.backend.stop("a")
    seen = lab.backend.observe("a")
    assert (seen.state, seen.signal, seen.serve_socket) == (State.EXITED, signal.SIGKILL, None)
    assert processes_of(lab) == []
    assert not any(Path(group).exists() for group in plan["cgroups"])
    assert str(lab.folder) not in Path("/proc/self/mounts").read_text()
    assert not (lab.folder / "i/a/serve.sock").exists()
    lab.backend.stop("a")
    lab.backend.remove("a")
    assert lab.backend.observe("a") is None
    assert lab.backend.names() == []
    lab.backend.stop("a")
    lab.backend.remove("a")


def test_what_a_remover_that_was_killed_left_goes_with_the_next_removal(lab: Any) -> None:
    half_gone = lab.folder / "i/.gone-a-1"
    half_gone.mkdir()
    (half_gone / "log").touch()
    lab.backend.remove("a")
    assert not half_gone.exists()


def test_starting_twice_makes_one_program_whatever_became_of_it(lab: Any) -> None:
    program = "open('/opt/ml/ran', 'a').write('x')"
    instance = lab.start("a", program)
    lab.backend.start(instance)
    lab.ended("a")
    lab.backend.start(instance)
    assert (instance.opt_ml / "ran").read_text() == "x"


def test_starters_that_race_make_one_program(lab: Any) -> None:
    instance = lab.instance("a", "open('/opt/ml/ran', 'a').write('x')")
    backends = [ProcessBackend(lab.folder / "i", lab.settings) for _ in range(4)]
    for backend in backends:
        backend.warm(instance)
    threads = [threading.Thread(target=backend.start, args=(instance,)) for backend in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for backend in backends:
        backend.close()
    lab.ended("a")
    lab.wait(lambda: not processes_of(lab))
    assert (instance.opt_ml / "ran").read_text() == "x"


def test_an_instance_outlives_who_started_it_and_is_found_again_by_name(lab: Any) -> None:
    with remote_starter(lab, "a", FOREVER) as starter:
        tell(starter)
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        starter.kill()
    lab.printed("a", "up")
    found = ProcessBackend(lab.folder / "i").observe("a")
    assert found is not None
    assert found.state is State.RUNNING
    assert found.name in lab.backend.names()


@pytest.mark.parametrize("delay_ms", [0, 2, 4, 8, 12, 16, 24, 32, 48, 64])
def test_a_starter_killed_at_any_moment_leaves_a_start_that_can_be_repeated(lab: Any, delay_ms: int) -> None:
    program = "open('/opt/ml/ran', 'a').write('x')"
    with remote_starter(lab, "a", program) as starter:
        tell(starter)
        threading.Event().wait(delay_ms / 1000)  # the moment is what is varied here
        starter.kill()
    instance = lab.start("a", program)
    seen = lab.ended("a")
    assert (seen.state, seen.exit_code) == (State.EXITED, 0)
    lab.wait(lambda: not processes_of(lab))
    assert (instance.opt_ml / "ran").read_text() == "x"


def test_a_killed_keeper_takes_its_program_along_and_the_result_is_unknown(lab: Any) -> None:
    lab.start("a", FOREVER)
    lab.printed("a", "up")
    os.kill(keeper_pid(lab, "a"), signal.SIGKILL)
    lab.wait(lambda: not processes_of(lab))
    seen = lab.backend.observe("a")
    assert (seen.state, seen.exit_code, seen.ended) == (State.LOST, None, True)
    lab.backend.start(lab.instance("a", FOREVER))
    assert lab.backend.observe("a").state is State.LOST
    lab.backend.stop("a")
    lab.backend.remove("a")
    assert lab.backend.names() == []


@pytest.mark.slow
def test_keepers_killed_at_random_moments_leave_nothing(lab: Any) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    groups: list[str] = []
    for number in range(60):
        name = f"a{number}"
        lab.start(name, FOREVER, serves=True, egress=True)
        groups += json.loads((lab.folder / "i" / name / "instance.json").read_text())["cgroups"]
        threading.Event().wait(moments.random() / 10)
        os.kill(keeper_pid(lab, name), signal.SIGKILL)
        assert lab.ended(name).state is State.LOST
        lab.wait(lambda: not processes_of(lab))
        lab.backend.stop(name)
        lab.backend.remove(name)
    assert lab.backend.names() == []
    assert not any(Path(group).exists() for group in groups)


def test_a_stop_before_a_keeper_came_keeps_it_from_ever_coming(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ProcessBackend, "_begin", lambda *_: None)
        instance = lab.start("a", "open('/opt/ml/ran', 'a').write('x')")
    assert lab.backend.observe("a") is None
    assert lab.backend.names() == ["a"]
    lab.backend.stop("a")
    assert lab.backend.observe("a").state is State.EXITED
    lab.backend.start(instance)
    assert lab.backend.observe("a").signal == signal.SIGKILL
    assert not (instance.opt_ml / "ran").exists()


def test_a_running_instance_cannot_be_forgotten(lab: Any) -> None:
    lab.start("a", FOREVER)
    with pytest.raises(ComputeError, match="still runs"):
        lab.backend.remove("a")


def test_the_log_keeps_its_offsets_and_its_newest_bytes_when_it_outgrows_its_limit(
    laboratory: Callable[..., Any],
) -> None:
    lab = laboratory(log_bytes_max=4 * 2**20)
    seen = lab.run("a", "for i in range(200000): print('%063d' % i)")
    size = seen.log.stat().st_size
    assert size == 200000 * 64
    assert seen.log.stat().st_blocks * 512 < 6 * 2**20
    with seen.log.open("rb") as file:
        start = os.lseek(file.fileno(), 0, os.SEEK_DATA)
        assert 0 < start <= size - 2 * 2**20
        file.seek(start)
        assert file.read().split()[-1] == b"%063d" % 199999


def test_usage_tells_cpu_memory_and_disk(lab: Any) -> None:
    program = "b = bytearray(100 << 20); open('/opt/ml/x', 'wb').write(bytes(3 << 20)); sum(range(3000000))\n"
    lab.start("a", program + FOREVER)
    lab.printed("a", "up")
    usage = lab.backend.usage("a")
    assert usage.cpu_s > 0.02
    assert usage.memory_bytes > 100 << 20
    assert usage.disk_bytes >= 3 << 20
    lab.backend.stop("a")
    assert lab.backend.usage("a").memory_bytes == 0
    assert lab.backend.usage("b") is None


def test_the_environment_is_the_instances_own_and_stays_out_of_sight(lab: Any) -> None:
    lab.start("a", "import os; print(sorted(os.environ))\n" + FOREVER, environment={"SECRET": "s3cr3t", "PATH": "/x"})
    lab.printed("a", "up")
    names = lab.backend.observe("a").log.read_text()
    assert "'SECRET'" in names
    assert "'CLARY_" not in names
    commands = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_of(lab))
    assert b"s3cr3t" not in commands


def test_environments_may_hold_any_text_but_nul(lab: Any) -> None:
    program = "import os; print(ascii(os.environ['TEXT']))"
    assert lab.output("a", program, environment={"TEXT": "é ☃\n='\""}).strip() == ascii("é ☃\n='\"")
    with pytest.raises(ComputeError, match="NUL"):
        lab.start("b", program, environment={"TEXT": "a\0b"})


def test_a_program_may_open_its_standard_output_by_name(lab: Any) -> None:
    assert (
        lab.output("a", "open('/dev/stdout', 'w').write('out\\n'); open('/dev/stderr', 'a').write('err\\n')")
        == "out\nerr\n"
    )


def test_a_stop_at_any_moment_of_the_start_is_an_end(lab: Any) -> None:
    for number in range(10):
        lab.start(f"a{number}", FOREVER)
        threading.Event().wait(number / 200)  # the moment is what is varied here
        lab.backend.stop(f"a{number}")
        assert lab.backend.observe(f"a{number}").signal == signal.SIGKILL
    assert processes_of(lab) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root is the program somebody else")
def test_a_folder_closed_to_the_program_is_refused_with_the_mending(lab: Any) -> None:
    closed = lab.folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ComputeError, match=f"chmod -R o.rX {closed}"):
        lab.start("a", FOREVER, readable=(closed,))


def test_unsandboxed_programs_run_only_on_demand_and_end_whole(laboratory: Callable[..., Any]) -> None:
    lab = laboratory(unsandboxed=True)
    orphan = "import os, time\nif not (orphan := os.fork()):\n  os.setsid(); time.sleep(1000)\n"
    seen = lab.run("a", orphan + "print(orphan, os.environ['CLARY_OPT_ML'], os.getcwd(), flush=True); os._exit(4)")
    assert seen.exit_code == 4
    pid, *folders = seen.log.read_text().split()
    assert folders == [str(lab.folder / "ml-a")] * 2
    assert gone(int(pid))
    lab.start("b", FOREVER)
    lab.printed("b", "up")
    lab.backend.signal("b", signal.SIGTERM)
    assert lab.ended("b").signal == signal.SIGTERM


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a/b", "..", "a" * 41])
def test_a_wrong_name_is_refused(lab: Any, name: str) -> None:
    with pytest.raises(ComputeError, match="not a name"):
        lab.backend.observe(name)


def test_a_root_too_long_for_unix_sockets_is_refused() -> None:
    with pytest.raises(ComputeError, match="too long") as refusal:
        ProcessBackend(Path("/tmp", "x" * 60), ProcessSettings())
    assert refusal.value.permanent


def test_clarys_home_is_never_shown_to_a_program(lab: Any) -> None:
    with pytest.raises(ComputeError, match="home is inside") as refusal:
        lab.start("a", FOREVER, readable=(lab.folder.parent,))
    assert refusal.value.permanent


def test_a_path_that_is_not_there_is_refused(lab: Any) -> None:
    with pytest.raises(ComputeError, match="/no/where does not exist"):
        lab.start("a", FOREVER, readable=(Path("/no/where"),))


def test_the_keeper_starts_light() -> None:
    source = Path(__file__).parents[2] / "src"
    look = f"import sys; sys.path.append({str(source)!r}); import clary.compute.keeper.life; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", look], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"typing", "dataclasses", "asyncio", "pathlib", "subprocess", "threading", "http", "logging"}
    ours = {name for name in loaded if name.startswith("clary.") and not name.startswith("clary.compute.keeper")}
    assert ours == {"clary.compute", "clary.compute.folders"}

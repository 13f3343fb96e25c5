"""Warm parents: what their children are like, and what becomes of everyone when one of them ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from clary.compute.keeper.life import tell_asker
from clary.compute.parents import Parents, make_of
from clary.compute.process import KEEPER, ProcessBackend

FOREVER = "import time; print('up', flush=True); time.sleep(1000)"
LOOK_AROUND = """
import gc, json, os, signal, sys
print(json.dumps({
    "modules": sorted(sys.modules), "descriptors": sorted(os.listdir("/proc/self/fd")), "argv": sys.argv,
    "environment": dict(os.environ), "path": sys.path, "command": open("/proc/self/cmdline").read().rstrip(chr(0)),
    "signals": [str(signal.getsignal(number)) for number in (15, 17, 13, 2)],
    "main": sorted(name for name in globals() if name != "__warningregistry__"),
    "collects": gc.isenabled(), "prefix": sys.prefix, "executable": sys.executable,
}))
"""
LOOK_AT_CLARY = """
import json, os, sys
own = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in ("clary", "clary_runtime")}
print(json.dumps({name: [module.__file__, *getattr(module, "__path__", [])] for name, module in own.items()}))
sys.stdout.flush()
os._exit(0)
"""
ENDINGS = {
    "raises": "def f():\n    raise ValueError('no')\nf()",
    "leaves": "import sys; sys.exit('a last word')",
    "leaves in a thread": "import threading\nthreading.Timer(0.1, lambda: print('late')).start()",
    "has exit handlers": "import atexit, sys; atexit.register(print, 'bye'); sys.exit(7)",
    "is no Python": "a b",
    "is interrupted": "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(10)",
    "kills itself": "import os; os.kill(os.getpid(), 9)",
}


@pytest.fixture
def way() -> str:
    """All that is here is about forked programs."""
    return "forked"


def parent_pid(lab: Any) -> int:
    """Return the pid of the laboratory's only warm parent."""
    (parent,) = lab.backend._parents._parents.values()
    return parent.process.pid


def seen_by(lab: Any, name: str, **fields: Any) -> dict[str, Any]:
    return json.loads(lab.output(name, LOOK_AROUND, **fields))


def test_a_forked_program_sees_what_a_new_interpreter_sees_and_the_modules_of_its_parent(lab: Any) -> None:
    given = {"environment": {"GIVEN": "é"}, "egress": False}
    forked, executed = seen_by(lab, "a", **given), seen_by(lab, "b", preload=(), **given)
    for seen in (forked, executed):
        seen["environment"].pop("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    more = set(forked.pop("modules")) - set(executed.pop("modules"))
    assert "decimal" in more
    assert not [name for name in more if name.startswith("clary")]
    assert {k: (forked[k], executed[k]) for k in forked if forked[k] != executed[k]} == {}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_forked_program_ends_as_any_other(lab: Any, ending: str) -> None:
    forked, executed = lab.run("a", ENDINGS[ending]), lab.run("b", ENDINGS[ending], preload=())
    assert (forked.exit_code, forked.signal, forked.error) == (executed.exit_code, executed.signal, executed.error)
    assert forked.log.read_text() == executed.log.read_text()


def test_a_module_runs_as_the_main_program(lab: Any) -> None:
    instance = lab.instance("a", (f"{sys.prefix}/bin/python3", "-m", "told", "one", "two"))
    (instance.opt_ml / "told.py").write_text("import sys; print(__name__, __spec__.name, sys.argv)")
    lab.backend.warm(instance)
    lab.backend.start(instance)
    assert lab.ended("a").log.read_text() == "__main__ told ['/opt/ml/told.py', 'one', 'two']\n"


def test_a_program_of_clarys_runtime_has_its_parents_modules_and_finds_others_where_it_sees_them(lab: Any) -> None:
    command = (f"{sys.prefix}/bin/python3", "-m", "clary_runtime", "serve", "--framework", "sklearn")
    preload = ("clary_runtime.commands", "clary_runtime.scripts.hosting")
    instance = lab.instance("a", command, preload=preload, environment={"SAGEMAKER_PROGRAM": "look.py"})
    code = instance.opt_ml / "model" / "code"
    code.mkdir(parents=True)
    (code / "look.py").write_text(LOOK_AT_CLARY)
    lab.backend.warm(instance)
    lab.backend.start(instance)
    seen = json.loads(lab.ended("a").log.read_text().splitlines()[-1])
    inside = {name for name, (file, *_) in seen.items() if file.startswith("/opt/clary/")}
    assert "clary_runtime.scripts.hosting" in seen.keys() - inside
    assert "clary_runtime.serving.server" in inside  # which this parent had not imported
    assert [place for _, *places in seen.values() for place in places if not place.startswith("/opt/clary/")] == []
    assert [name for name in seen if name.partition(".")[0] == "clary"] == []


def test_siblings_draw_different_numbers(lab: Any) -> None:
    program = "import random, numpy; print(random.random(), numpy.random.rand())"
    given = {"preload": ("random", "numpy"), "memory_bytes": 512 * 2**20}
    drawn = [number for name in ("a", "b") for number in lab.output(name, program, **given).split()]
    assert len(set(drawn)) == 4


def test_the_first_process_inside_cannot_be_looked_into(lab: Any) -> None:
    program = """
for name in ("environ", "mem", "maps", "fd"):
    try:
        open(f"/proc/1/{name}").read(1) if name != "fd" else __import__("os").listdir("/proc/1/fd")
        print(name, "open")
    except OSError as error:
        print(name, type(error).__name__)
"""
    said = lab.output("a", program)
    assert said.split()[1::2] == ["PermissionError"] * 4


def test_a_killed_parent_takes_nothing_along_and_is_replaced(lab: Any) -> None:
    lab.start("a", FOREVER)
    lab.printed("a", "up")
    first = parent_pid(lab)
    os.kill(first, signal.SIGKILL)
    assert "decimal" in seen_by(lab, "b")["modules"]
    assert parent_pid(lab) != first
    assert not lab.backend.observe("a").ended


def test_a_keeper_goes_on_when_the_parent_that_waits_for_its_word_was_killed() -> None:
    kept, tell = os.pipe()
    os.close(kept)
    tell_asker(tell)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(tell)


def test_a_parent_ends_with_the_agent_and_what_it_forked_goes_on(lab: Any) -> None:
    program = """
import json, sys
from pathlib import Path
from clary.compute.backend import Instance
from clary.compute.process import ProcessBackend
backend = ProcessBackend(Path(sys.argv[1]))
command = (f"{sys.prefix}/bin/python3", "-c", sys.argv[3])
given = {"python": Path(sys.prefix), "preload": ("decimal",)}
instance = Instance("a", command, {}, Path(sys.argv[2]), 1, 1 << 28, 1 << 28, **given)
backend.warm(instance)
backend.start(instance)
print(*[parent.process.pid for parent in backend._parents._parents.values()], flush=True)
sys.stdin.readline()
"""
    opt_ml = lab.instance("a", FOREVER).opt_ml
    with subprocess.Popen(
        [sys.executable, "-c", program, str(lab.folder / "i"), str(opt_ml), FOREVER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    ) as agent:  # fmt: skip
        assert agent.stdout is not None
        parent = int(agent.stdout.readline())
        agent.kill()
    lab.wait(lambda: _gone(parent))
    lab.printed("a", "up")


def test_an_idle_parent_ends_and_another_comes_when_one_is_wanted(lab: Any) -> None:
    lab.backend._parents = Parents(idle_s=0.0)
    instance = lab.instance("a", FOREVER)
    lab.backend.warm(instance)
    lab.wait(lambda: _gone(parent_pid(lab)))
    lab.backend._parents._idle_s = 60.0
    assert "decimal" in seen_by(lab, "b", serves=True)["modules"]


def test_parents_are_no_more_than_allowed_and_the_one_asked_longest_ago_goes(lab: Any) -> None:
    lab.backend._parents = parents = Parents(parents_max=2)
    makes = [make_of(lab.instance("a", FOREVER, preload=(name,)), KEEPER) for name in ("json", "decimal", "fractions")]
    for make in (*makes[:2], makes[0], makes[2]):
        assert make is not None
        assert parents.ready(make)
    assert list(parents._parents) == [makes[0], makes[2]]
    lab.backend._parents = Parents(parents_max=0)
    parents.close()
    assert "decimal" not in seen_by(lab, "a")["modules"]


def test_parents_together_are_no_larger_than_allowed(lab: Any) -> None:
    makes = [make_of(lab.instance("a", FOREVER, preload=(name,)), KEEPER) for name in ("json", "decimal")]
    parents = Parents()
    assert parents.ready(makes[0])
    parents._bytes_max = parents._parents[makes[0]].resident_bytes * 3 // 2
    assert parents.ready(makes[1])
    assert list(parents._parents) == [makes[1]]
    parents.close()


def test_no_parent_is_started_while_hardly_any_memory_is_free(lab: Any) -> None:
    lab.backend._parents = Parents(free_bytes_min=2**60)
    assert not lab.backend.warm(lab.instance("a", FOREVER))
    assert "decimal" not in seen_by(lab, "a", serves=True)["modules"]


def test_the_kernel_takes_a_parent_before_any_of_its_programs(lab: Any) -> None:
    ours = Path("/proc/self/oom_score_adj").read_text()
    assert lab.output("a", "print(open('/proc/self/oom_score_adj').read(), end='')") == ours
    assert Path(f"/proc/{parent_pid(lab)}/oom_score_adj").read_text() == "1000\n"


def test_a_parent_that_cannot_be_costs_nothing_but_the_shortcut(lab: Any) -> None:
    lab.backend._parents = Parents(bytes_max=1)
    assert not lab.backend.warm(lab.instance("a", FOREVER))
    assert "decimal" not in seen_by(lab, "a", serves=True)["modules"]


def test_a_job_does_not_wait_for_a_parent_that_a_server_would_wait_for(lab: Any) -> None:
    instance = lab.instance("a", LOOK_AROUND)
    lab.backend.start(instance)
    assert "decimal" not in json.loads(lab.ended("a").log.read_text())["modules"]
    lab.wait(lambda: lab.backend._parents._parents)
    assert "decimal" in seen_by(lab, "b")["modules"]


def test_a_parent_that_was_not_ready_when_all_were_let_go_goes_too(lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    lab.backend._parents = parents = Parents()
    make = make_of(lab.instance("a", FOREVER, preload=("sklearn.ensemble",)), KEEPER)
    assert make is not None
    assert not parents.fork(make, "", wait=False)
    (process,) = lab.wait(lambda: list(parents._importing.values()) or [p.process for p in parents._parents.values()])
    starters = [thread for thread in threading.enumerate() if thread.name == "warm parent"]
    parents.close()
    for starter in starters:
        starter.join()
    assert _gone(process.pid)
    assert not parents._parents
    assert not caplog.records
    assert parents.ready(make), "it was let go, not found unfit"
    parents.close()


def test_a_parent_that_nobody_had_started_yet_when_all_were_let_go_never_comes(lab: Any) -> None:
    parents = Parents()
    make = make_of(lab.instance("a", FOREVER), KEEPER)
    assert make is not None
    others = set(threading.enumerate())
    with parents._starting.setdefault(make, threading.Lock()):
        assert not parents.fork(make, "", wait=False)
        (starter,) = set(threading.enumerate()) - others
        parents.close()
    starter.join()
    assert not parents._parents
    assert parents.ready(make), "who asks afterwards gets one"
    parents.close()


def test_another_number_of_threads_has_another_parent(lab: Any) -> None:
    two, four = (lab.instance(name, FOREVER, environment={"OMP_NUM_THREADS": name}) for name in ("2", "4"))
    assert make_of(two, KEEPER) != make_of(four, KEEPER)
    said = lab.output("c", "import os; print(os.environ['OMP_NUM_THREADS'])", environment={"OMP_NUM_THREADS": "4"})
    assert said == "4\n"


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "PYTHONPATH", "LD_PRELOAD", "MALLOC_ARENA_MAX", "OMP_PROC_BIND"])
def test_who_sets_what_is_read_at_a_processs_start_has_a_process_of_its_own(lab: Any, name: str) -> None:
    assert make_of(lab.instance("a", FOREVER, environment={name: "1"}), KEEPER) is None


def test_only_python_programs_of_the_runtimes_interpreter_are_forked(lab: Any) -> None:
    for command in (("/bin/sh", "-c", "true"), ("/usr/bin/python3", "-c", "1"), (f"{sys.prefix}/bin/python3", "file")):
        assert make_of(lab.instance("a", command), KEEPER) is None
    assert make_of(lab.instance("a", FOREVER, python=None), KEEPER) is None


def test_an_instance_is_started_once_however_its_starters_go_about_it(lab: Any) -> None:
    program = "open('/opt/ml/ran', 'a').write('x')"
    instance = lab.start("a", program)
    executed = ProcessBackend(lab.folder / "i", lab.settings)
    executed.start(instance)
    lab.ended("a")
    executed.close()
    assert (instance.opt_ml / "ran").read_text() == "x"


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.slow
def test_parents_killed_at_random_moments_of_a_start_cost_no_instance_and_start_none_twice(lab: Any) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    for number in range(40):
        instance = lab.instance(f"a{number}", "open('/opt/ml/ran', 'a').write('x')", serves=True)
        lab.backend.warm(instance)
        parent = parent_pid(lab)
        killer = threading.Timer(moments.random() / 20, os.kill, (parent, signal.SIGKILL))
        killer.start()
        lab.backend.start(instance)
        killer.join()
        lab.wait(lambda parent=parent: _gone(parent))
        assert lab.ended(instance.name).exit_code == 0
        assert (instance.opt_ml / "ran").read_text() == "x"
        lab.backend.remove(instance.name)

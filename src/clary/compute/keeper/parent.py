"""A warm parent: has imported what a runtime's programs import, and forks keepers, each of which forks its program.

It knows nothing of customers: it reads no file but modules, runs no region of several threads, and hears from its one
client, the agent, the folder of the next instance. It ends when the agent does, or when it has been idle for long.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

from clary.compute.keeper import egress, enclosure, kernel
from clary.compute.keeper.life import keep
from clary_runtime import interpreter

TYPE_CHECKING = False  # the keepers that come of it use no `typing` either
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn

MESSAGE_BYTES_MAX: Final = 65536
READY: Final = b"ready"
FIRST_TO_GO: Final = "1000"
"""The kernel's score for whom it ends when memory runs out: without a parent nothing is lost but time."""
BEGUN: Final = b"begun"
FAILED: Final = b"failed"
REHEARSAL_USER: Final = 65534
REHEARSAL_VIEW: Final = [
    ["proc", "/proc"],
    ["dev", "/dev"],
    ["remount-ro", "/dev"],
    ["tmpfs", "/dev/shm", "1777", "65536"],  # noqa: S108 - a path inside
    ["dir", "/opt/ml"],
    ["ro-bind", "/usr", "/usr"],
    ["remount-ro", "/"],
]


def be_parent(channel: int, search: list[str]) -> NoReturn:
    """Import, say so, and fork what is asked for, until the other end of the channel is closed."""
    client = socket.socket(fileno=channel)
    asked: dict[str, Any] = json.loads(client.recv(MESSAGE_BYTES_MAX))
    kernel.set_command_line([sys.executable, "warm parent of", *asked["modules"]])
    if not _rehearsed():
        sys.exit("This machine does not let a forked program into a sandbox.")
    for module in (egress.__name__, *asked["modules"]):
        _import(module)
    sys.path_importer_cache.clear()  # each child would, and copy every page that it gives back
    origin = interpreter.Origin(search)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how keepers ended
    usual = _score(FIRST_TO_GO)
    gc.collect()
    gc.freeze()  # a collection in a child would write to, and so copy, every page
    gc.disable()
    client.send(READY)
    while select.select([client], [], [], asked["idle_s"])[0]:
        folder = client.recv(MESSAGE_BYTES_MAX).decode()
        if not folder:
            break
        client.send(BEGUN if _began(client, folder, origin, usual) else FAILED)
    os._exit(0)


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError:
        return  # whoever needs it imports it, and is told


def _score(score: str) -> str:
    """Set how soon the kernel ends this process when memory runs out; return how it was."""
    with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
        before = file.read()
        file.seek(0)
        file.write(score)
    return before


def _rehearsed() -> bool:
    """Try the whole way into a sandbox once."""
    pid = os.fork()
    if pid == 0:
        _in_fork(_rehearse)
    return os.waitpid(pid, 0)[1] == 0


def _rehearse() -> None:
    kernel.enter_network_namespace()
    kernel.enter_process_namespace()
    outside = os.getpid()
    pid = os.fork()
    if pid:
        os._exit(0 if os.waitpid(pid, 0)[1] == 0 else 1)
    who = {"uid": REHEARSAL_USER, "gid": REHEARSAL_USER, "drop": os.geteuid() == 0}
    enclosure.enter({"host_name": "rehearsal", "view": REHEARSAL_VIEW, **who}, None, outside, lambda: None)


def _began(client: socket.socket, folder: str, origin: interpreter.Origin, score: str) -> bool:
    kept, tell = os.pipe()
    if os.fork() == 0:
        client.close()
        os.close(kept)
        _in_fork(lambda: _keep(folder, tell, origin, score))
    os.close(tell)
    began = bool(os.read(kept, 1))
    os.close(kept)
    return began


def _keep(folder: str, tell: int, origin: interpreter.Origin, score: str) -> None:
    log = os.open(f"{folder}/keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    _score(score)
    kernel.set_command_line([sys.executable, "keeper", folder])
    gc.enable()
    keep(folder, tell, origin)


def _in_fork(act: Any) -> NoReturn:
    """Do something in a forked child and end there, whatever happens."""
    status = 1
    try:
        act()
        status = 0
    except BaseException as error:  # noqa: BLE001 - the edge of a process: what ends it must stand in its log
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(status)

"""The process back end: every instance is a bubblewrap sandbox on this machine, owned by a keeper of its own.

No daemon and no memory: a folder an instance, below one root, says everything. A start is safe against races and
against kill -9 at any instruction: the folder is renamed into place complete, and the keeper that locks it first is
the only one there will ever be.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clary.compute import ends, files, limits, probe, sandbox, seccomp
from clary.compute.backend import NAME, Instance, Observed, State, Usage
from clary.compute.folders import Folder
from clary.compute.parents import BYTES_MAX, Parents, make_of
from clary.core.errors import ComputeError

SOCKET_PATH_BYTES_MAX: Final = 107
NAME_BYTES_MAX: Final = 40
KEEPER: Final = str(Path(__file__).parent / "keeper" / "__main__.py")
NEW: Final = ".new"
GONE: Final = ".gone-"
TRUST: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")  # this machine's, or none
TRUST_VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
EGRESS_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What the platform chooses for all instances; ports are those inside.

    `api_socket` is the Unix socket on which the platform answers; `doorbell` a datagram socket that every change rings.
    """

    api_socket: Path | None = None
    doorbell: Path | None = None
    api_port: int = 4566
    credentials_port: int = 9911
    egress_port: int = 3128
    serve_port: int = 8080
    log_bytes_max: int = 256 * 2**20
    memory_bytes_max: int | None = None  # of all instances of this machine together
    unsandboxed: bool = False
    parents_max: int = 4
    parents_bytes_max: int = BYTES_MAX
    parents_free_bytes_min: int = 0


class ProcessBackend:
    """Runs instances as processes of this machine; see `Backend` for what each method promises."""

    def __init__(self, root: Path, settings: ProcessSettings = ProcessSettings()) -> None:
        root = root.absolute()
        longest = len(os.fsencode(root)) + 1 + NAME_BYTES_MAX + len("/serve.sock")
        if longest > SOCKET_PATH_BYTES_MAX:
            room = SOCKET_PATH_BYTES_MAX - NAME_BYTES_MAX - len("//serve.sock")
            message = f"The folder of instances, {root}, is too long: Unix sockets leave it {room} bytes."
            raise ComputeError(message, permanent=True)
        self._root = root
        self._settings = settings
        self._parents = Parents(
            parents_max=settings.parents_max,
            bytes_max=settings.parents_bytes_max,
            free_bytes_min=settings.parents_free_bytes_min,
        )
        self._able = False
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    # Starting

    def start(self, instance: Instance) -> None:
        """Start an instance unless its name was started before."""
        if not NAME.fullmatch(instance.name):
            raise ComputeError(f"{instance.name!r} is not a name of an instance.", permanent=True)
        folder = self._folder(instance.name)
        if not os.path.exists(folder.path):
            self._refuse_what_cannot_run(instance)
            self._prepare(instance)
        if files.size(folder / "keeper.json") == 0:
            self._begin(folder, instance)

    def warm(self, instance: Instance) -> bool:
        """Have at hand what instances of this make import; say whether there is such a thing for them."""
        make = make_of(instance, KEEPER)
        return make is not None and self._parents.ready(make)

    def close(self) -> None:
        """Let the warm parents go."""
        self._parents.close()

    def _refuse_what_cannot_run(self, instance: Instance) -> None:
        if not self._settings.unsandboxed:
            self._refuse_without_sandboxes()
        if not instance.opt_ml.is_dir():
            raise ComputeError(f"The folder {instance.opt_ml} for /opt/ml does not exist.")
        if any("\0" in text for text in (*instance.command, *instance.environment, *instance.environment.values())):
            raise ComputeError("A command and its environment cannot hold NUL characters.", permanent=True)
        for path in (*instance.readable, *([instance.python] if instance.python else [])):
            self._refuse_what_cannot_be_shown(path)

    def _refuse_what_cannot_be_shown(self, path: Path) -> None:
        if not path.exists():
            raise ComputeError(f"{path} does not exist.", permanent=True)
        if self._root.parent.is_relative_to(path.resolve()):
            raise ComputeError(f"{path} cannot be shown to a program: Clary's home is inside it.", permanent=True)
        if os.geteuid() == 0 and path.is_dir() and path.stat().st_mode & 0o005 != 0o005:
            message = f"{path} is closed to the user that the program will be; open it with: chmod -R o+rX {path}"
            raise ComputeError(message, permanent=True)

    def _refuse_without_sandboxes(self) -> None:
        """Try until it works once: what this machine lacks may be mended, or have been the stall of a moment."""
        problem = None if self._able else probe.fatal()
        if problem is not None:
            raise ComputeError(f"{problem.what} {problem.mend}", permanent=True)
        self._able = True

    @functools.cached_property
    def _machine(self) -> sandbox.Machine:
        bwrap = probe.find_bwrap()
        assert bwrap is not None
        package = importlib.util.find_spec("clary_runtime")
        places = package.submodule_search_locations if package else None
        return sandbox.read_machine(bwrap, probe.find_setpriv(), Path(next(iter(places))) if places else None)

    @functools.cached_property
    def _hierarchy(self) -> limits.Hierarchy:
        found = limits.find_hierarchy()
        if self._settings.memory_bytes_max is not None:
            limits.hold_together(found, self._settings.memory_bytes_max)
        return found

    def _prepare(self, instance: Instance) -> None:
        """Put the instance's folder in place, complete; nothing of it runs before it is there."""
        with self._lock():
            if os.path.exists(self._folder(instance.name).path):
                return
            for left_over in self._root.glob(f"{NEW}*"):
                shutil.rmtree(left_over)
            identity = self._identity()
            new = self._root / f"{NEW}-{instance.name}"
            (new / "run").mkdir(mode=0o700, parents=True)
            (new / "etc").mkdir(mode=0o755)
            self._fill(Folder(str(new)), instance, identity)
            if identity.drop:
                for path in (new / "run", instance.opt_ml):
                    files.give(path, identity)
            os.rename(new, self._folder(instance.name).path)

    def _fill(self, folder: Folder, instance: Instance, identity: sandbox.Identity) -> None:
        for name, text in sandbox.made_files(instance, identity).items():
            path = Path(folder / "etc", name)
            path.write_text(text)
            path.chmod(0o644)
        code = None if self._settings.unsandboxed else seccomp.program(os.uname().machine)
        if code is not None:
            Path(folder / "seccomp.bpf").write_bytes(code)
        Path(folder.log).touch(mode=0o600)  # there from the first moment, for those who follow it
        if instance.credentials is not None:
            folder.write("credentials.json", dict(instance.credentials))
        folder.write("instance.json", self._plan(instance, identity) | {"seccomp": code is not None})

    def _plan(self, instance: Instance, identity: sandbox.Identity) -> dict[str, Any]:
        """Return all that the keeper needs to know."""
        chosen, connected = self._settings, not instance.isolated
        sandboxed = not chosen.unsandboxed
        folder = Path(self._folder(instance.name).path)
        token = secrets.token_urlsafe(32) if connected else None
        groups = self._groups(instance)
        command = list(instance.command)
        forked = None
        if sandboxed:
            view = sandbox.view(instance, folder, identity, self._machine)
            command = sandbox.arguments(instance, view, identity, self._machine)
            forked = _forked(instance, view, identity)
        return {
            "name": instance.name,
            "labels": dict(instance.labels),
            "sandboxed": sandboxed,
            "command": command,
            "forked": forked,
            "environment": self._environment(instance, folder, token),
            "uid": identity.uid,
            "opt_ml": str(instance.opt_ml.absolute()),
            "groups": groups,
            "cgroups": list(groups),
            "oom_file": limits.out_of_memory_file(self._hierarchy, self._group_name(instance.name)),
            "rlimits": limits.rlimits(disk_bytes=instance.disk_bytes, processes_max=instance.processes_max),
            "api_port": chosen.api_port,
            "api_socket": str(chosen.api_socket) if connected and chosen.api_socket else None,
            "credentials_port": chosen.credentials_port,
            "token": token,
            "egress": instance.egress and connected and sandboxed,
            "egress_port": chosen.egress_port,
            "serves": instance.serves,
            "serve_port": chosen.serve_port,
            "doorbell": str(chosen.doorbell) if chosen.doorbell else None,
            "log_bytes_max": chosen.log_bytes_max,
        }  # fmt: skip

    def _environment(self, instance: Instance, folder: Path, token: str | None) -> dict[str, str]:
        """Return the program's whole environment; where credentials come from is not the instance's to choose."""
        chosen = self._settings
        added: dict[str, str] = {}
        role: dict[str, str] = {}
        if token:
            role["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://127.0.0.1:{chosen.credentials_port}/credentials"
            role["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token
        if instance.serves:
            added["CLARY_SERVE_SOCKET"] = str(folder / "run/serve.sock") if chosen.unsandboxed else sandbox.SERVE_SOCKET
        if chosen.unsandboxed:
            place = {"CLARY_OPT_ML": str(instance.opt_ml.absolute())}
            return os.environ.copy() | dict(instance.environment) | added | role | place
        if token and chosen.api_socket:
            added["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{chosen.api_port}"
        if instance.egress and token:
            added |= _way_out(chosen.egress_port)
        return added | sandbox.environment(instance) | role

    def _groups(self, instance: Instance) -> dict[str, dict[str, str]]:
        files = limits.settings(
            self._hierarchy,
            vcpus=instance.vcpus,
            memory_bytes=instance.memory_bytes,
            processes_max=instance.processes_max,
        )
        paths = self._hierarchy.groups(self._group_name(instance.name))
        return {str(paths[controller]): files[controller] for controller in files}

    def _group_name(self, name: str) -> str:
        return f"{zlib.crc32(os.fsencode(self._root)):08x}-{name}"

    def _identity(self) -> sandbox.Identity:
        """Choose who the program is; as root a host uid that no other instance has."""
        if os.geteuid() != 0 or self._settings.unsandboxed:
            return sandbox.Identity(os.geteuid(), os.getegid(), drop=False)
        taken = {files.owner(self._folder(name) / "run") for name in self.names()}
        first = zlib.crc32(os.fsencode(self._root))  # several homes on one machine start in different places
        for step in range(probe.UIDS):
            uid = probe.UID_FIRST + (first + step) % probe.UIDS
            if uid not in taken:
                return sandbox.Identity(uid, uid, drop=True)
        raise ComputeError("There are as many instances as user ids for them.")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one starter at a time choose ids and prepare folders."""
        with open(self._root / ".lock", "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _begin(self, folder: Folder, instance: Instance) -> None:
        """Leave a keeper behind; if several are started, the first stays."""
        plan = folder.read("instance.json")
        limits.make_groups(plan["groups"])
        make = make_of(instance, KEEPER) if plan["forked"] else None
        if make is not None and self._parents.fork(make, folder.path, wait=instance.serves):
            return
        with open(folder / "keeper.log", "ab") as log:
            keeper = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [sys.executable, "-I", "-S", KEEPER, folder.path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={}, cwd="/",
            )  # fmt: skip
        if keeper.wait() != 0:
            said = Path(folder / "keeper.log").read_text(errors="replace")[-1000:]
            raise ComputeError(f"The keeper did not start: {said}")

    # Looking

    def observe(self, name: str) -> Observed | None:
        """Look at an instance; a folder that no keeper ever claimed counts as never started."""
        folder = self._folder(name)
        state = ends.state(folder)
        if state is None:
            return None
        program = folder.read("program.json") or {}
        ended = folder.read("exit.json") or {}
        return Observed(
            name=name,
            state=state,
            exit_code=ended.get("exit_code"),
            signal=ended.get("signal"),
            out_of_memory=ended.get("out_of_memory", False),
            started_at=program.get("started_at"),
            ended_at=ended.get("ended_at"),
            serve_socket=self._serve_socket(folder, state),
            log=Path(folder.log),
            error=ended.get("error"),
        )

    @staticmethod
    def _serve_socket(folder: Folder, state: State) -> Path | None:
        live = state is State.RUNNING and os.path.exists(folder.serve_socket)
        return Path(folder.serve_socket) if live else None

    def names(self) -> list[str]:
        """Return the names of all instances that have a folder."""
        return sorted(entry.name for entry in os.scandir(self._root) if NAME.fullmatch(entry.name))

    def labels(self, name: str) -> Mapping[str, str]:
        """Return what an instance was labelled with."""
        found: dict[str, str] = (self._folder(name).read("instance.json") or {}).get("labels", {})
        return found

    def usage(self, name: str) -> Usage | None:
        """Measure an instance; an ended one keeps its disk and its CPU seconds."""
        folder = self._folder(name)
        plan, kept = folder.read("instance.json"), folder.kept()
        if plan is None:
            return None
        disk = files.tree_bytes(plan["opt_ml"]) + files.blocks(folder.log)
        program, ended = folder.read("program.json"), folder.read("exit.json")
        if ended is not None or not kept or program is None:
            return Usage((ended or {}).get("cpu_s", 0.0), 0, disk)
        cpu, memory = limits.group_usage(plan["cgroups"]) or limits.tree_usage(program["pid"])
        return Usage(cpu, memory, disk)

    def describe_limits(self) -> list[str]:
        """Say what enforces the limits on this machine."""
        return limits.describe(self._hierarchy)

    # Acting on what runs

    def give_credentials(self, name: str, credentials: Mapping[str, str]) -> None:
        """Replace the instance's credentials, in one step."""
        folder = self._folder(name)
        if os.path.exists(folder.path):
            folder.write("credentials.json", dict(credentials))

    def signal(self, name: str, signal: int) -> None:
        """Signal the user's program, waiting for its beginning where it has not begun."""
        ends.signal_program(self._folder(name), signal)

    def stop(self, name: str) -> None:
        """Kill everything of an instance."""
        ends.stop(self._folder(name))

    def kill(self, name: str) -> bool:
        """Kill the keeper of an instance, which takes it along."""
        return ends.kill(self._folder(name))

    def remove(self, name: str) -> None:
        """Forget an instance that does not run."""
        folder = self._folder(name)
        for left_over in self._root.glob(f"{GONE}{name}-*"):  # of a remover that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        if not os.path.exists(folder.path):
            return
        if ends.state(folder) in (State.STARTING, State.RUNNING):
            raise ComputeError(f"The instance {name} still runs; stop it first.")
        ends.stop(folder)  # whatever a dead keeper, or a starter that was killed, left
        gone = f"{self._root}/{GONE}{name}-{time.monotonic_ns()}"
        os.rename(folder.path, gone)
        shutil.rmtree(gone)

    def _folder(self, name: str) -> Folder:
        if not NAME.fullmatch(name):
            raise ComputeError(f"{name!r} is not a name of an instance.", permanent=True)
        return Folder(f"{self._root}/{name}")


def _way_out(port: int) -> dict[str, str]:
    """Return what leads HTTP clients through the proxy, trusting whom this machine trusts."""
    proxies = dict.fromkeys(EGRESS_VARIABLES, f"http://127.0.0.1:{port}")
    direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    return proxies | direct | {name: path for path in TRUST if os.path.exists(path) for name in TRUST_VARIABLES}


def _forked(instance: Instance, view: list[list[str]], identity: sandbox.Identity) -> dict[str, Any] | None:
    """Return what a program that is forked from a warm parent needs to know, None where it cannot be."""
    if make_of(instance, KEEPER) is None:
        return None
    return {
        "command": list(instance.command),
        "host_name": instance.host_name,
        "view": view,
        "uid": identity.uid,
        "gid": identity.gid,
        "drop": identity.drop,
    }

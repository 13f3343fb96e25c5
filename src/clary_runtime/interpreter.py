"""Being a fresh Python interpreter, in a process forked from one that has imported modules already.

`run` behaves as `python3 FILE …`, `-c TEXT …` or `-m MODULE …` would: the environment, the search path, `__main__`,
signals, descriptors and the end are those of a new process. What differs is named in docs/decisions/0011. Standard
library only: keepers use it too.
"""

from __future__ import annotations

import gc
import importlib
import importlib.machinery
import os
import signal
import sys

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Final, NoReturn

DESCRIPTORS_MAX: Final = 1 << 20
RUNTIME: Final = "clary_runtime"
OWN: Final = ("clary", RUNTIME)  # packages whose modules were the forking process's, not the program's
INTERRUPTED: Final = -signal.SIGINT  # Python dies of the signal itself, after its exit handlers
OUTPUT_LOST: Final = 120
TRAPPED: Final = (signal.SIGTERM, signal.SIGCHLD)


class Origin:
    """What a program knows of the process it is forked from; `search` is the installation's own part of `sys.path`.

    It is made before the fork: a child that looks through all modules copies each page that has one's count of uses.
    """

    def __init__(self, search: list[str]) -> None:
        self.search = search
        self.own = [name for name in sys.modules if name.partition(".")[0] in OWN]


def run(command: list[str], environment: dict[str, str], origin: Origin) -> NoReturn:
    """Be the interpreter that runs this command, to its end."""
    os.closerange(3, DESCRIPTORS_MAX)
    _forget_the_past(environment)
    option = command[1] if command[1] in ("-c", "-m") else ""
    sys.orig_argv = list(command)
    sys.argv = [option, *command[3:]] if option else command[1:]
    first = {"-c": "", "-m": os.getcwd(), "": os.path.dirname(os.path.abspath(command[1]))}[option]
    chosen = [entry for entry in environment.get("PYTHONPATH", "").split(":") if entry]
    there = [place for place in origin.search if place.endswith(".zip") or os.path.isdir(place)]
    sys.path[:] = [first, *chosen, *there]
    _forget_modules(origin.own, command[2] if option == "-m" else "")
    code = _ended(option, command[2] if option else command[1])
    _leave(code)


def installation() -> list[str]:
    """Return the part of `sys.path` that an interpreter of this installation begins with."""
    prefixes = tuple({sys.prefix, sys.base_prefix})
    return [entry for entry in sys.path if entry.startswith(prefixes)]


def _forget_the_past(environment: dict[str, str]) -> None:
    signal.set_wakeup_fd(-1)
    for number in TRAPPED:
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.environ.clear()
    os.environ.update(environment)
    sys.modules["__main__"] = type(sys)("__main__")
    sys.modules["__main__"].__dict__.update(__builtins__=sys.modules["builtins"], __annotations__={})
    _draw_anew()
    gc.enable()


def _forget_modules(own: list[str], program: str) -> None:
    """Forget the modules of Clary; a program of the runtime keeps the runtime's, which may lie elsewhere for it."""
    sys.path_importer_cache.clear()
    found = importlib.machinery.PathFinder.find_spec(program) if program == RUNTIME else None
    folder = os.path.dirname(found.origin) if found and found.origin else None
    for name in own:
        package, *inner = name.split(".")
        if folder is None or package != program:
            sys.modules.pop(name, None)
        elif hasattr(sys.modules[name], "__path__"):
            sys.modules[name].__path__[:] = [os.path.join(folder, *inner)]


def _draw_anew() -> None:
    """Seed what `fork` copied; Python's own `random` sees to itself."""
    drawing = sys.modules.get("numpy.random")
    if drawing is not None:
        drawing.seed()


def _ended(option: str, what: str) -> int:
    """Run the program; return its exit code."""
    names = sys.modules["__main__"].__dict__
    try:
        if option == "-c":
            exec(compile(what, "<string>", "exec"), names)  # noqa: S102 - what `-c` is
        elif option == "-m":
            importlib.import_module("runpy")._run_module_as_main(what)  # noqa: SLF001 - what Python itself calls for -m
        else:
            names["__file__"] = what
            with open(what, "rb") as file:
                exec(compile(file.read(), what, "exec"), names)  # noqa: S102 - what running a file is
    except SystemExit as leaving:
        return _exit_code(leaving.code)
    except BaseException as error:  # noqa: BLE001 - the edge of a process: Python itself prints it and ends with 1
        error.__traceback__ = _programs_part(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit_code(code: Any) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _programs_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the program's own first frame on."""
    own = _programs_part.__code__.co_filename
    while trace is not None and trace.tb_frame.f_code.co_filename == own:
        trace = trace.tb_next
    return trace


def _leave(code: int) -> NoReturn:
    """End as an interpreter does: threads, exit handlers, output."""
    threading, atexit = sys.modules.get("threading"), sys.modules.get("atexit")
    try:
        if threading is not None:
            threading._shutdown()  # noqa: SLF001 - what Python itself calls at its end
        if atexit is not None:
            atexit._run_exitfuncs()  # noqa: SLF001 - the same
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException as error:  # noqa: BLE001 - whatever happens in a program's handlers is the program's
        sys.excepthook(type(error), error, error.__traceback__)
        code = code or OUTPUT_LOST
    finally:
        if code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(code)

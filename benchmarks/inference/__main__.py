"""Measure inference: Clary whole beside bare servers and its peers, same model and rows, in interleaved bursts.

    make bench-inference, or in benchmarks/: python -m inference --systems clary,litserve

The model is trained through a Clary of its own. A request to Clary is one of 1,000 different ones that boto3 signed.
CPU is the operating system's figure over all processes involved: of Clary also the api, controller and agent.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path

from support.running import Clary, clary

from inference import hosted, load, report
from inference.claims import ACCELERATED, FLOOR, NATIVE, claims
from inference.peers.catalogue import PEERS
from inference.processes import pss_mib
from inference.servers import BARE_ONNX, BARE_XGBOOST, NotServed, Server, serving

README = Path(__file__).parents[1] / "README.md"
PLOT = Path(__file__).parent / "inference.svg"
MARKS = ("<!-- inference: begin -->", "<!-- inference: end -->")
HOSTED = {ACCELERATED: {}, NATIVE: {"CLARY_ACCELERATION": "off"}}
PLOTTED = 8
DIFFERENCE_MAX = 1e-4
"""Between two servers' predictions of one row: some calculate with 32 bits, and round what they answer."""


def main() -> None:
    """Run the bursts, print the table, and leave table and plot where `--write` asks for it."""
    chosen = _arguments()
    if not shutil.which("wrk"):
        raise SystemExit("This needs wrk: apt-get install wrk")
    if BARE_XGBOOST.missing:  # before anything is started
        raise SystemExit("This needs the environment of the bare servers: make .venv/clients/bench/.installed")
    with ExitStack() as stack:
        targets = _targets(stack, [each for each in chosen.systems.split(",") if each])
        bursts = load.interleaved(targets, chosen.rounds, chosen.seconds, _tell)
        further = {each.name: (pss_mib(each.counted()), each.start_s) for each in targets}
    names = [each.name for each in targets]
    told = "\n\n".join([_when(), report.table(bursts, names, FLOOR, further), "\n".join(claims(bursts))])
    _tell(told)
    if chosen.write:
        _write(told, report.plot(bursts, names, FLOOR, PLOTTED, f"CPU us a request, {PLOTTED} connections"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--systems", default="", help="those whose names begin so, as bare,clary,litserve; or all")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=2, help="of each burst")
    parser.add_argument("--write", action="store_true", help="put table and plot into benchmarks/README.md")
    return parser.parse_args()


def _targets(stack: ExitStack, systems: Sequence[str]) -> list[load.Target]:
    """Return what serves, the floor first; what does not is left out with a word."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clary-bench-")))
    running = stack.enter_context(clary())
    model = folder / "model.ubj"
    model.write_bytes(hosted.trained(running))
    targets: list[load.Target] = []
    for name, server in _systems(running, model, folder):
        if name != FLOOR and systems and not name.startswith(tuple(systems)):
            continue
        try:
            target = stack.enter_context(server)
            _must_agree(target, targets)
        except NotServed as problem:
            if name == FLOOR:
                raise SystemExit(f"{name}: {problem}") from problem
            _tell(f"{name}: skipped: {problem}")
        else:
            _tell(f"{name}: serves after {target.start_s:.2f} s")
            targets.append(target)
    return targets


def _systems(running: Clary, model: Path, folder: Path) -> Iterator[tuple[str, AbstractContextManager[load.Target]]]:
    """Give each system's name, and what starts and ends it."""

    def of(server: Server) -> tuple[str, AbstractContextManager[load.Target]]:
        return server.name, serving(server, model, folder / server.name.replace(" ", "-"))

    yield of(BARE_XGBOOST)
    for name, environ in HOSTED.items():
        yield name, hosted.endpoint(running, name, hosted.container(environ))
    yield from map(of, (BARE_ONNX, *PEERS))


def _must_agree(target: load.Target, others: Sequence[load.Target]) -> None:
    """Hold a server's prediction of the first row against the floor's."""
    try:
        found, *expected = (load.prediction(each.port, each.requests()[0]) for each in (target, *others[:1]))
    except (OSError, ValueError) as problem:
        raise NotServed(str(problem)) from problem
    if expected and abs(found - expected[0]) > DIFFERENCE_MAX:
        raise NotServed(f"it predicts {found}, and the floor {expected[0]}")


def _when() -> str:
    model = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    busy = os.getloadavg()[0]
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} x {model}, Linux {platform.release()}, "
        f"Python {platform.python_version()}; load average {busy:.1f} at the end of the run."
    )


def _write(told: str, plot: str) -> None:
    PLOT.write_text(plot)
    begin, end = MARKS
    before, _, rest = README.read_text().partition(begin)
    after = rest.partition(end)[2]
    README.write_text(f"{before}{begin}\n{told}\n\n![CPU a request](inference/{PLOT.name})\n{end}{after}")


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()

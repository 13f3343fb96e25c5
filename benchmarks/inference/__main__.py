"""Measure inference: Clary whole beside bare servers of the same model on the same rows, in interleaved bursts.

    make bench-inference

The model is trained through a Clary of its own. A request to Clary is one of 1,000 different ones that boto3 signed.
CPU is the operating system's figure over all processes involved: of Clary also the api, controller and agent.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from support.running import clary

from inference import hosted, load, report, servers
from inference.processes import pss_mib

README = Path(__file__).parents[1] / "README.md"
PLOT = Path(__file__).parent / "inference.svg"
MARKS = ("<!-- inference: begin -->", "<!-- inference: end -->")
PEERS = ("mlserver", "litserve", "bentoml", "mlflow", "ray")
FLOOR = "bare xgboost"
PLOTTED = 8


def main() -> None:
    """Run the bursts, print the table, and leave table and plot where `--write` asks for it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each burst")
    parser.add_argument("--write", action="store_true", help="put table and plot into benchmarks/README.md")
    chosen = parser.parse_args()
    for tool, remedy in ((shutil.which("wrk"), "apt-get install wrk"), (servers.PYTHON.exists(), servers.REMEDY)):
        if not tool:
            raise SystemExit(f"This needs what is not here yet: {remedy}")
    skipped = "\n".join(f"{peer}: skipped: not installed" for peer in PEERS if not _installed(peer))
    print(skipped)
    with ExitStack() as stack:
        targets = _targets(stack)
        bursts = load.interleaved(targets, chosen.rounds, chosen.seconds, lambda line: print(line, flush=True))
        further = {each.name: (pss_mib(each.counted()), each.start_s) for each in targets}
    names = [each.name for each in targets]
    told = f"{_when()}\n\n{report.table(bursts, names, FLOOR, further)}"
    print(told)
    if chosen.write:
        _write(told, report.plot(bursts, names, PLOTTED, f"CPU us a request, {PLOTTED} connections, by process"))


def _targets(stack: ExitStack) -> list[load.Target]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clary-bench-")))
    running = stack.enter_context(clary())
    model = folder / "model.ubj"
    model.write_bytes(hosted.trained(running))
    targets = [
        stack.enter_context(servers.bare("xgboost", model)),
        stack.enter_context(hosted.endpoint(running, "accelerated", {})),
        stack.enter_context(hosted.endpoint(running, "native", {"CLARY_ACCELERATION": "off"})),
    ]
    converted = servers.converted(model, hosted.COLUMNS)
    if converted is None:
        print("bare onnx: skipped: the model could not be converted (is onnxmltools installed?)")
    else:
        targets.append(stack.enter_context(servers.bare("onnx", converted)))
    return targets


def _installed(peer: str) -> bool:
    asked = [str(servers.PYTHON), "-c", f"import importlib.util, sys; sys.exit(not importlib.util.find_spec('{peer}'))"]
    return find_spec(peer) is not None or subprocess.run(asked, check=False).returncode == 0


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
    page = README.read_text() if README.exists() else f"# Benchmarks\n\n## Inference\n\n{begin}\n{end}\n"
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    README.write_text(f"{before}{begin}\n{told}\n\n![CPU a request](inference/{PLOT.name})\n{end}{after}")


if __name__ == "__main__":
    main()

"""The command line: which runtime trains or serves, and how a job's end is reported to the platform.

A failed training job leaves its reason in `/opt/ml/output/failure` and its exit code; anything unexpected is an
`AlgorithmError` with the traceback in the log.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from clary_runtime import lean, logs
from clary_runtime.errors import AlgorithmError, TrainingError
from clary_runtime.layout import Layout
from clary_runtime.logs import LOG

ALGORITHMS = ("xgboost",)
FRAMEWORKS = ("sklearn", "xgboost")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m clary_runtime", description="AWS's container contract.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("train", "serve"):
        command = commands.add_parser(name)
        kind = command.add_mutually_exclusive_group(required=True)
        kind.add_argument("--algorithm", choices=ALGORITHMS, help="a built-in algorithm")
        kind.add_argument("--framework", choices=FRAMEWORKS, help="a customer's own script")
    return parser


PARSER = _parser()
"""Made when this is imported, which warm parents do: a tenth of what its children would do before they serve."""


def main(arguments: Sequence[str]) -> int:
    """Run one command with this process's environment; the exit code."""
    chosen = PARSER.parse_args(arguments)
    logs.start()
    # Idle OpenMP threads that spin would burn the neighbours' processors.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(cpus(os.environ)))
    layout = Layout.of(os.environ)
    if chosen.command == "serve":
        return _serve(chosen, layout, dict(os.environ))
    # The first process of a sandbox gets no signal that it does not handle.
    signal.signal(signal.SIGTERM, _terminated)
    return _train(chosen, layout, dict(os.environ))


def cpus(environ: Mapping[str, str]) -> int:
    """How many processors the platform granted; the machine's own number where it did not say."""
    return int(environ.get("SM_NUM_CPUS") or os.cpu_count() or 1)


def _terminated(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _train(chosen: argparse.Namespace, layout: Layout, environ: Mapping[str, str]) -> int:
    try:
        # AWS's XGBoost image is both: a script where the job names one, else the built-in algorithm.
        if chosen.framework == "sklearn" or (chosen.framework and "sagemaker_program" in layout.hyperparameters()):
            _train_script(chosen.framework, layout, environ)
        else:
            _train_xgboost(layout, environ)
    except TrainingError as error:
        return _failed(layout, error)
    except Exception as error:  # noqa: BLE001 - the edge of the job: whatever happened must reach FailureReason
        LOG.exception("Reporting training FAILURE")
        return _failed(layout, AlgorithmError(f"framework error: \n{type(error).__name__}: {error}"))
    return 0


def _failed(layout: Layout, error: TrainingError) -> int:
    LOG.error("Reporting training FAILURE")
    LOG.error("%s", error.failure())
    layout.fail(error.failure())
    return error.exit_code


def _train_xgboost(layout: Layout, environ: Mapping[str, str]) -> None:
    # One thread suffices for numpy here, and starting a pool of them costs as much as importing it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with lean.without("sklearn"):
        from clary_runtime.algorithms.xgboost import training
    training.train(layout, cpus(environ))


def _train_script(framework: str, layout: Layout, environ: Mapping[str, str]) -> None:
    from clary_runtime.scripts import training

    training.train(layout, framework, cpus(environ), environ)


def _serve(chosen: argparse.Namespace, layout: Layout, environ: Mapping[str, str]) -> int:
    from clary_runtime.serving.server import serve
    from clary_runtime.serving.settings import Settings

    settings = Settings.of(environ, cpus(environ))
    if chosen.framework == "sklearn" or (chosen.framework and environ.get("SAGEMAKER_PROGRAM")):
        from clary_runtime.scripts import hosting as scripts

        return serve(settings, scripts.loader(layout, chosen.framework, environ))
    from clary_runtime.algorithms.xgboost import hosting

    return serve(settings, hosting.loader(layout.model, environ))

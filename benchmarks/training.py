"""Built-in XGBoost against a plain script: CPU seconds to train on the same 200,000 × 30 CSV rows.

Each pair runs one after the other, in turn first; the ratio is the median over the pairs. The plain script reads with
pandas, calls `xgboost.train` with the same parameters and threads, and saves the model.

    python benchmarks/training.py --pairs 5
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).parents[1] / "src"
ROUNDS = 100
PARAMS = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.2, "eval_metric": "logloss"}
PLAIN = """
import json, sys
import pandas, xgboost
path, model, rounds, threads, params = sys.argv[1:]
rows = pandas.read_csv(path, header=None)
train = xgboost.DMatrix(rows.iloc[:, 1:], label=rows.iloc[:, 0], nthread=int(threads))
params = {**json.loads(params), "nthread": int(threads)}
xgboost.train(params, train, int(rounds), evals=[(train, "train")]).save_model(model)
"""


def rows_to(path: Path, rows: int, columns: int) -> None:
    """Write labelled rows that trees can learn something from."""
    random = np.random.default_rng(7)
    features = random.normal(size=(rows, columns))
    labels = features[:, 0] + features[:, 1] * features[:, 2] + random.normal(size=rows) > 0
    np.savetxt(path, np.column_stack([labels, features]), delimiter=",", fmt=["%d"] + ["%.6f"] * columns)


def container(folder: Path, data: Path) -> None:
    """Lay out `/opt/ml` as the platform does."""
    config = folder / "input" / "config"
    config.mkdir(parents=True)
    hyperparameters = {name: str(value) for name, value in PARAMS.items()} | {"num_round": str(ROUNDS)}
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {"ContentType": "text/csv"}}))
    channel = folder / "input" / "data" / "train"
    channel.mkdir(parents=True)
    os.link(data, channel / "data.csv")


def cpu_s(command: list[str], environ: dict[str, str]) -> float:
    """CPU seconds of a command and all its threads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env={**os.environ, **environ}, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pair(folder: Path, data: Path, threads: int, *, plain_first: bool) -> tuple[float, float]:
    """CPU seconds of the runtime and of the plain script."""
    environ = {
        "PYTHONPATH": str(SOURCE),
        "CLARY_OPT_ML": str(folder),
        "SM_NUM_CPUS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    ours = [sys.executable, "-m", "clary_runtime", "train", "--algorithm", "xgboost"]
    plain = [
        sys.executable,
        "-c",
        PLAIN,
        str(data),
        f"{folder}/plain.ubj",
        str(ROUNDS),
        str(threads),
        json.dumps(PARAMS),
    ]
    if plain_first:
        second = cpu_s(plain, environ)
        return cpu_s(ours, environ), second
    return cpu_s(ours, environ), cpu_s(plain, environ)


def main() -> None:
    """Run the pairs and print each, and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data, folder = Path(name) / "data.csv", Path(name) / "ml"
        rows_to(data, chosen.rows, chosen.columns)
        container(folder, data)
        ratios = []
        for number in range(chosen.pairs):
            ours, plain = pair(folder, data, chosen.threads, plain_first=bool(number % 2))
            ratios.append(ours / plain)
            print(f"clary_runtime {ours:.2f} CPU s, plain script {plain:.2f} CPU s, ratio {ours / plain:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f} over {chosen.pairs} pairs (goal: at most 1.15)")


if __name__ == "__main__":
    main()

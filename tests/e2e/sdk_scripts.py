"""Users' scripts for the SageMaker Python SDK, each run in the environment of its SDK and in an account of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import Account

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
CLIENTS = HERE.parents[1] / ".venv" / "clients"
SCRIPT_S_MAX = 400


@dataclass
class Script:
    """A script that runs, in an account of its own."""

    process: subprocess.Popen[str]
    account: Account

    def result(self) -> Mapping[str, object]:
        """Return what it prints last, once it is over."""
        output, errors = self.process.communicate(timeout=SCRIPT_S_MAX)
        assert self.process.returncode == 0, f"{output[-4000:]}\n{errors[-4000:]}"
        return json.loads(output.strip().splitlines()[-1].rpartition("!")[2])

    def end(self) -> None:
        """End it if it still runs, and close its account."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.account.close()


def install(*environments: str) -> None:
    """Make environments of clients, where they are not there yet."""
    command = [sys.executable, str(HERE / "environments" / "install.py"), *sorted(set(environments))]
    subprocess.run(command, check=True, capture_output=True, timeout=600)


def start(account: Account, name: str, environment: str, *arguments: str) -> Script:
    """Start a script; its first argument is the account's execution role."""
    quiet = {
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(SCRIPTS / "no_telemetry.yaml"),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
        "OMP_NUM_THREADS": "1",
    }
    python = str(CLIENTS / environment / "bin" / "python")
    process = subprocess.Popen(
        [python, f"{name}.py", account.role, *arguments], cwd=SCRIPTS,
        env={**account.environment(), **quiet}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Script(process, account)

"""The SageMaker Python SDK, both of its generations, each in an environment of its own, with users' scripts.

The SDKs look at jobs and endpoints every 5 to 30 seconds only, so the scripts run at the same time; what each of them
prints is checked by a test of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
CLIENTS = HERE.parents[1] / ".venv" / "clients"
ENVIRONMENTS = {
    "sdk2_xgboost": "sagemaker2",
    "sdk2_sklearn": "sagemaker2",
    "sdk3_trainer": "sagemaker3",
    "sdk3_builder": "sagemaker3",
}
SCRIPT_S_MAX = 400

pytestmark = pytest.mark.timeout(SCRIPT_S_MAX + 200)


@dataclass
class Script:
    """A script that runs, in an account of its own."""

    process: subprocess.Popen[str]
    account: object

    def result(self) -> Mapping[str, object]:
        """Return what it prints last, once it is over."""
        output, errors = self.process.communicate(timeout=SCRIPT_S_MAX)
        assert self.process.returncode == 0, f"{output[-4000:]}\n{errors[-4000:]}"
        return json.loads(output.strip().splitlines()[-1].rpartition("!")[2])


@pytest.fixture(scope="module")
def scripts(clary) -> Iterator[dict[str, Script]]:
    """Start all the scripts; give them by name."""
    install = [sys.executable, str(HERE / "environments" / "install.py"), *sorted(set(ENVIRONMENTS.values()))]
    subprocess.run(install, check=True, capture_output=True, timeout=600)
    started = {name: _start(clary, name) for name in ENVIRONMENTS}
    yield started
    for script in started.values():
        if script.process.poll() is None:
            script.process.kill()
            script.process.communicate()
        script.account.close()


def _start(clary, name: str) -> Script:
    account = clary.account()
    quiet = {
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(SCRIPTS / "no_telemetry.yaml"),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [str(CLIENTS / ENVIRONMENTS[name] / "bin" / "python"), f"{name}.py", account.role], cwd=SCRIPTS,
        env={**account.environment(), **quiet}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Script(process, account)


def _is_left_clean(account) -> bool:
    """Say whether a script left nothing that runs or serves."""
    sagemaker = account("sagemaker")
    lists = (sagemaker.list_endpoints()["Endpoints"], sagemaker.list_endpoint_configs()["EndpointConfigs"])
    return not any(lists) and not sagemaker.list_models()["Models"]


def test_version_2_trains_built_in_xgboost_and_deploys_it(scripts):
    script = scripts["sdk2_xgboost"]
    result = script.result()
    assert len(result["predictions"]) == 50
    assert result["accuracy"] > 0.9
    bucket = f"sagemaker-us-east-1-{script.account.id}"
    assert result["model_data"] == f"s3://{bucket}/two-clouds/xgboost/output/{result['job']}/output/model.tar.gz"
    script.account.eventually(lambda: _is_left_clean(script.account))


def test_version_2_runs_a_scikit_learn_script_and_shows_its_log_and_metrics(scripts):
    script = scripts["sdk2_sklearn"]
    result = script.result()
    assert result["accuracy"] > 0.9
    assert result["metrics"]["accuracy"] > 0.9
    assert set(result["predictions"]) == {0.0, 1.0}
    script.account.eventually(lambda: _is_left_clean(script.account))


def test_version_3_runs_a_script_with_its_own_drivers_and_serves_it(scripts):
    script = scripts["sdk3_trainer"]
    result = script.result()
    assert result["accuracy"] > 0.9
    assert result["metrics"]["accuracy"] > 0.9
    assert result["variant"] == "AllTraffic"
    script.account.eventually(lambda: _is_left_clean(script.account))


def test_version_3_trains_and_builds_built_in_xgboost(scripts):
    script = scripts["sdk3_builder"]
    result = script.result()
    assert result["accuracy"] > 0.9
    assert len(result["predictions"]) == 50
    script.account.eventually(lambda: _is_left_clean(script.account))

"""The SageMaker Python SDK, both of its generations, each in an environment of its own, with users' scripts.

The SDKs look at jobs and endpoints every 5 to 30 seconds only, so the scripts run at the same time; what each of them
prints is checked by a test of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.sdk_scripts import SCRIPT_S_MAX, Script, install, start

ENVIRONMENTS = {
    "sdk2_xgboost": "sagemaker2",
    "sdk2_sklearn": "sagemaker2",
    "sdk3_trainer": "sagemaker3",
    "sdk3_builder": "sagemaker3",
}

pytestmark = pytest.mark.timeout(SCRIPT_S_MAX + 200)


@pytest.fixture(scope="module")
def scripts(clary) -> Iterator[dict[str, Script]]:
    """Start all the scripts; give them by name."""
    install(*ENVIRONMENTS.values())
    started = {name: start(clary.account(), name, environment) for name, environment in ENVIRONMENTS.items()}
    yield started
    for script in started.values():
        script.end()


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

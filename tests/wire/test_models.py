from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.loaders import Loader

from clary.wire.models import Models, endpoint_prefix, protocols_of, signing_name, target_prefix
from clary.wire.protocol import PROTOCOLS


def test_a_model_is_loaded_once(models: Models) -> None:
    assert models.load("sts") is models.load("sts")
    assert "sagemaker-runtime" in models.names()


def test_every_folder_of_botocores_data_is_a_service(models: Models) -> None:
    assert models.names() == Loader(
        [Loader.BUILTIN_DATA_PATH], include_default_search_paths=False
    ).list_available_services("service-2")


def test_a_service_without_a_model_is_a_key_error(models: Models) -> None:
    with pytest.raises(KeyError, match="no-such-service"):
        models.load("no-such-service")


def test_names_of_a_service_on_the_wire(models: Models) -> None:
    runtime = models.load("sagemaker-runtime")
    assert (endpoint_prefix(runtime), signing_name(runtime)) == ("runtime.sagemaker", "sagemaker")
    assert target_prefix(models.load("sagemaker")) == "SageMaker"
    assert target_prefix(runtime) is None
    assert protocols_of(models.load("cloudwatch")) == ("smithy-rpc-v2-cbor", "json", "query")


def test_models_in_the_users_folder_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".aws/models/sts/2011-06-15"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({"metadata": {"protocol": "json"}, "operations": {}}))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "AssumeRole" in Models().load("sts").operation_names


@pytest.mark.slow
def test_every_service_of_the_catalogue_speaks_a_protocol_of_ours() -> None:
    for service in Models().names():
        assert set(protocols_of(Models().load(service))) <= set(PROTOCOLS), service

"""From image URIs to runtimes, and the registry of one's own images."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from clary.compute import images
from clary.compute.images import register, registered, resolve, unregister
from clary.core.errors import ComputeError

ACCOUNT = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
CHINA = "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn"
PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3-cpu-py311"


def own_image(tmp_path: Path, *programs: str) -> Path:
    folder = tmp_path / "image"
    folder.mkdir()
    for name in programs:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("uri", "framework", "tag"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost", "1.7-1"),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "xgboost", "1"),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.5-1-cpu-py3", "xgboost", "1.5-1-cpu-py3"),
        (f"{ACCOUNT}/sagemaker-scikit-learn:1.2-1-cpu-py3", "sklearn", "1.2-1-cpu-py3"),
        (f"{CHINA}/sagemaker-scikit-learn:1.4-2-cpu-py3", "sklearn", "1.4-2-cpu-py3"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost", "xgboost", None),
    ],
)
def test_aws_images_are_known_by_repository_and_tag(tmp_path: Path, uri: str, framework: str, tag: str | None) -> None:
    runtime = resolve(uri, tmp_path)
    assert (runtime.framework, runtime.image_tag, runtime.python) == (framework, tag, Path(sys.prefix))
    assert runtime.train is not None
    assert runtime.train[1:] == ("-m", "clary_runtime", "train", "--framework", framework)
    assert runtime.serve is not None
    assert runtime.serve[1:] == ("-m", "clary_runtime", "serve", "--framework", framework)
    assert Path(runtime.train[0]).exists()


@pytest.mark.parametrize(
    "uri", ["mine:1", "123.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "evil.com/xgboost:1", PYTORCH]
)
def test_an_unknown_image_says_what_to_do(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ComputeError, match="clary images add") as refusal:
        resolve(uri, tmp_path)
    assert refusal.value.permanent
    assert uri in str(refusal.value)


def test_a_runtime_that_is_not_installed_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(images.PACKAGES, "xgboost", {"no_such_package": "no-such-distribution"})
    with pytest.raises(ComputeError, match=r"lacks no-such-distribution.*pip install 'clary\[runtime\]'"):
        resolve("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", tmp_path)


def test_an_own_image_is_a_folder_with_programs(tmp_path: Path) -> None:
    folder = own_image(tmp_path, "train")
    register(tmp_path / "home", "mine:1", folder)
    runtime = resolve("mine:1", tmp_path / "home")
    assert (runtime.train, runtime.serve, runtime.readable) == ((str(folder / "train"),), None, (folder,))
    assert runtime.framework is None
    assert unregister(tmp_path / "home", "mine:1")
    assert not unregister(tmp_path / "home", "mine:1")
    with pytest.raises(ComputeError):
        resolve("mine:1", tmp_path / "home")


def test_what_cannot_be_an_image_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for uri, folder, why in (
        ("mine:1", tmp_path / "nothing", "is not a folder"),
        ("a b", own_image(tmp_path), "not an image URI"),
        ("mine:1", tmp_path / "image", "neither an executable train nor serve"),
        ("mine:1", tmp_path, "holds Clary's home"),
    ):
        with pytest.raises(ComputeError, match=why):
            register(home, uri, folder)
    assert registered(home) == {}


def test_images_registered_at_once_are_all_there(tmp_path: Path) -> None:
    folder = own_image(tmp_path, "serve")
    threads = [threading.Thread(target=register, args=(tmp_path / "home", f"mine:{i}", folder)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(registered(tmp_path / "home")) == [f"mine:{i}" for i in range(8)]


def test_a_broken_registry_is_told(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text("{")
    with pytest.raises(ComputeError, match=r"images\.json is not readable"):
        resolve("mine:1", tmp_path)

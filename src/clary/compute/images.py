"""From an image's URI to what runs: a runtime that ships with Clary, or a folder of the user's own programs.

AWS's prebuilt images are known by repository and tag, whatever their account and region. One's own image is a folder
with executables `train` and `serve`, as AWS's container contract has them, registered under a URI in `images.json`.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clary.core.errors import ComputeError

REGISTRY: Final = "images.json"
URI_MAX: Final = 255
AWS_URI: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[a-z0-9._/-]+)(:(?P<tag>[\w.-]+))?(@sha256:[0-9a-f]{64})?"
)
FRAMEWORKS: Final = {  # the runtime of each repository
    "xgboost": "xgboost",
    "sagemaker-xgboost": "xgboost",
    "sagemaker-scikit-learn": "sklearn",
}
PACKAGES: Final = {  # what a runtime imports, and the distribution that brings it
    "xgboost": {"numpy": "numpy", "scipy": "scipy", "xgboost": "xgboost-cpu"},
    "sklearn": {"numpy": "numpy", "pandas": "pandas", "sklearn": "scikit-learn"},
}
SERVER: Final = (
    "argparse", "asyncio", "concurrent.futures.thread", "csv", "ctypes", "dataclasses", "encodings.ascii", "http",
    "httptools", "importlib.abc", "inspect", "json", "logging", "pathlib", "pickle", "random", "runpy", "shlex", "ssl",
    "subprocess", "tarfile", "urllib.parse", "uvloop", "clary_runtime.commands", "clary_runtime.serving.server",
    "clary_runtime.algorithms.xgboost.hosting",
)  # fmt: skip
"""What the model server imports; of Clary's own modules, which each program imports anew, what they import."""
SCIENCE: Final = (
    *SERVER, "numpy", "scipy.sparse", "pandas", "sklearn.compose", "sklearn.ensemble", "sklearn.linear_model",
    "sklearn.metrics", "sklearn.model_selection", "sklearn.pipeline", "sklearn.preprocessing", "joblib", "xgboost",
    "clary_runtime.scripts.hosting", "clary_runtime.scripts.training", "clary_runtime.scripts.lookups",
)  # fmt: skip
"""What the scripts of either framework import; one parent has it for both."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What an image stands for: how to train and how to serve, and what must be visible for it.

    `train` and `serve` are whole commands; None where an own image has no such program. `framework` is None for an
    own image. `image_tag` tells the framework's version that the user asked for.
    """

    name: str
    train: tuple[str, ...] | None
    serve: tuple[str, ...] | None
    python: Path | None = None
    readable: tuple[Path, ...] = ()
    framework: str | None = None
    image_tag: str | None = None


def resolve(uri: str, home: Path) -> Runtime:
    """Return what an image stands for, or raise ComputeError (permanent) that says what to do."""
    folder = registered(home).get(uri)
    if folder is not None:
        return _own(uri, folder)
    aws = AWS_URI.fullmatch(uri)
    framework = FRAMEWORKS.get(aws["repository"]) if aws else None
    if aws is None or framework is None:
        known = ", ".join(sorted(FRAMEWORKS))
        message = (
            f"The image {uri} is not known. Prebuilt images of AWS that run here are {known}; for your own, put "
            f"executables named train and serve into a folder and run: clary images add {uri} FOLDER"
        )
        raise ComputeError(message, permanent=True)
    return _built_in(framework, aws["tag"])


def _built_in(framework: str, tag: str | None) -> Runtime:
    lacking = [told for package, told in PACKAGES[framework].items() if importlib.util.find_spec(package) is None]
    if lacking:
        message = f"The runtime {framework} lacks {', '.join(lacking)}. Install it with: pip install 'clary[runtime]'"
        raise ComputeError(message, permanent=True)
    prefix = Path(sys.prefix)
    python = str(prefix / "bin" / "python3")
    return Runtime(
        name=framework,
        train=(python, "-m", "clary_runtime", "train", "--framework", framework),
        serve=(python, "-m", "clary_runtime", "serve", "--framework", framework),
        python=prefix,
        framework=framework,
        image_tag=tag,
    )


def _own(uri: str, folder: Path) -> Runtime:
    programs = {name: _program(folder, name) for name in ("train", "serve")}
    if not any(programs.values()):
        message = f"The folder {folder} of the image {uri} has neither an executable train nor serve."
        raise ComputeError(message, permanent=True)
    python = Path(sys.prefix)
    return Runtime(name=uri, train=programs["train"], serve=programs["serve"], python=python, readable=(folder,))


def _program(folder: Path, name: str) -> tuple[str, ...] | None:
    path = folder / name
    return (str(path),) if path.is_file() and os.access(path, os.X_OK) else None


def registered(home: Path) -> dict[str, Path]:
    """Return the folders of the user's own images, by URI."""
    try:
        content = json.loads((home / REGISTRY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ComputeError(f"{home / REGISTRY} is not readable: {error}", permanent=True) from error
    return {uri: Path(folder) for uri, folder in content.items()}


def register(home: Path, uri: str, folder: Path) -> None:
    """Let `uri` stand for a folder from now on, or raise ComputeError where that cannot work."""
    folder = folder.absolute()
    if not re.fullmatch(r"\S+", uri) or len(uri) > URI_MAX:
        raise ComputeError(f"{uri!r} is not an image URI: 1 to {URI_MAX} characters, no spaces.", permanent=True)
    if not folder.is_dir():
        raise ComputeError(f"{folder} is not a folder.", permanent=True)
    if home.absolute().is_relative_to(folder.resolve()):
        raise ComputeError(f"{folder} holds Clary's home, which no image may show.", permanent=True)
    _own(uri, folder)
    with _change(home) as content:
        content[uri] = str(folder)


def unregister(home: Path, uri: str) -> bool:
    """Forget an own image; say whether there was one."""
    with _change(home) as content:
        return content.pop(uri, None) is not None


@contextmanager
def _change(home: Path) -> Iterator[dict[str, str]]:
    """Give the registry to change, one at a time; readers see the old one or the new one."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(home / f"{REGISTRY}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        content = {uri: str(folder) for uri, folder in registered(home).items()}
        yield content
        new = home / f"{REGISTRY}.new"
        with open(new, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        new.rename(home / REGISTRY)

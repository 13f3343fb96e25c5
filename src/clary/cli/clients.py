"""Whether clients that get the variables of `clary env` will all reach Clary.

The SDK's pinned STS endpoint does so through our botocore plugin only, and botocore calls
its plugins experimental: so the plugin is tried in the Python that a script would run in.
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

TRY_S = 20.0
ENDPOINT_OF_ONE = "AWS_ENDPOINT_URL_"
IGNORE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
TRIAL = """
import importlib.util, sys
if importlib.util.find_spec("botocore") is None:
    sys.exit(0)
from botocore import plugin
import clary_botocore
known = []
class Model: service_id = "STS"
class Events: register = staticmethod(lambda event, handler: known.append(event))
class Meta: service_model, events = Model, Events
class Client: meta = Meta
pairs = dict(pair.split("=") for pair in plugin.get_botocore_plugins().split(","))
plugin.load_client_plugins(Client, pairs)
sys.exit(0 if known else "the plugin was not called")
"""


def problems(environment: Mapping[str, str]) -> Iterator[str]:
    """Say what in an environment, the variables of `clary env` included, would lead clients past Clary."""
    if environment.get(IGNORE, "").lower() == "true":
        yield f"{IGNORE} is set, so no AWS client will use Clary; run: unset {IGNORE}"
    elif ignoring := _profile_that_ignores(environment):
        yield f"{ignoring} sets ignore_configured_endpoint_urls, so no AWS client will use Clary; remove that line"
    for name in sorted(environment):
        if name.startswith(ENDPOINT_OF_ONE) and environment[name] != environment["AWS_ENDPOINT_URL"]:
            yield f"{name} is set, so clients of that one service will not use Clary; run: unset {name}"
    failure = _plugin_failure(environment)
    if failure:
        yield (
            f"the botocore plugin does not load ({failure}); the SageMaker SDK's calls to STS would leave Clary. "
            "boto3 clients without an endpoint of their own still reach it"
        )


def _profile_that_ignores(environment: Mapping[str, str]) -> Path | None:
    """Return AWS's configuration file if its default profile makes clients ignore AWS_ENDPOINT_URL."""
    path = Path(environment.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except (configparser.Error, UnicodeDecodeError, OSError):
        return None
    ignores = parser.get("default", "ignore_configured_endpoint_urls", fallback="").strip().lower() == "true"
    return path if ignores else None


def _plugin_failure(environment: Mapping[str, str]) -> str:
    """Try the plugin in the shell's own Python; return what went wrong, or "" if nothing did or it has no botocore."""
    path = environment.get("PATH", os.defpath)
    python = shutil.which("python", path=path) or shutil.which("python3", path=path)
    if python is None:
        return ""
    kept = {name: value for name, value in environment.items() if name != IGNORE}  # which is told by itself
    try:
        tried = subprocess.run(  # noqa: S603 - the Python that the user's scripts run in
            [python, "-c", TRIAL], env=kept, capture_output=True, text=True, timeout=TRY_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{python}: {error}"
    return (
        "" if tried.returncode == 0 else f"{python}: {(tried.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    )

"""`clary env`: what a shell sets so that AWS's clients, unchanged, talk to Clary."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from clary.cli import clients
from clary.cli.flags import Flag, with_settings
from clary.cli.screen import leave, warn
from clary.cli.shells import WRITERS, Shell
from clary.core.settings import Settings
from clary.supervisor import state

CREDENTIALS = "credentials.json"
PLUGIN = "clary=clary_botocore"
PLUGINS = "BOTOCORE_EXPERIMENTAL__PLUGINS"
PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
IN_THE_WAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")

Style = Annotated[Shell, Flag("For which shell to write.")]
Json = Annotated[bool, Flag("Print the variables as JSON; null stands for one to unset.", "--json")]


@dataclass(frozen=True, slots=True)
class Variables:
    """What to set, and what to unset since it would lead clients elsewhere."""

    exported: Mapping[str, str]
    unset: tuple[str, ...]


@with_settings("home")
def env(settings: Settings, shell: Style = Shell.BASH, as_json: Json = False) -> None:
    """Print what leads AWS's clients to Clary: eval "$(clary env)"."""
    found = variables(settings, os.environ)
    if as_json:
        print(json.dumps({**found.exported, **dict.fromkeys(found.unset)}, indent=1))
    else:
        print("\n".join(WRITERS[shell](found.exported, found.unset)))
    for problem in clients.problems({**os.environ, **found.exported}):
        warn(problem)


def variables(settings: Settings, environment: Mapping[str, str]) -> Variables:
    """Return the variables for the Clary of a home, or leave where it has never run."""
    url, ca_bundle = _address(settings)
    return variables_for(url, _credentials(settings), environment, ca_bundle)


def variables_for(
    url: str, credentials: Mapping[str, str], environment: Mapping[str, str], ca_bundle: str = ""
) -> Variables:
    """Return the variables for a shell that has `environment`, which is added to where others share a variable."""
    plugin = Path(__file__).parents[2] / "clary_plugin"
    exported = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": credentials["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": credentials["secret_access_key"],
        "AWS_DEFAULT_REGION": credentials["region"],
        "AWS_REGION": credentials["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # no name here begins with `streaming-`
        PLUGINS: _joined(PLUGIN, environment.get(PLUGINS, ""), ","),
        "PYTHONPATH": _joined(str(plugin), environment.get("PYTHONPATH", ""), os.pathsep),
    }
    if ca_bundle:
        exported["AWS_CA_BUNDLE"] = ca_bundle
    if any(environment.get(name) for name in PROXIES):
        host = url.partition("//")[2].rpartition(":")[0].strip("[]")
        for name in ("NO_PROXY", "no_proxy"):
            exported[name] = _joined(host, environment.get(name, ""), ",")
    return Variables(exported, tuple(name for name in IN_THE_WAY if name in environment))


def _joined(first: str, others: str, separator: str) -> str:
    """Return a list with `first` in front, once."""
    rest = [each for each in others.split(separator) if each and each != first]
    return separator.join([first, *rest])


def _address(settings: Settings) -> tuple[str, str]:
    """Return where Clary answers, or will once it runs, and what to trust there beside what everyone trusts."""
    known = state.read(settings)
    if known is not None:
        return known.url, known.ca_bundle
    if settings.port == 0:
        leave("Clary is not running, and its port is any free one; start it with `clary up`.")
    url = state.url_of(settings.host, settings.port, tls=settings.tls_files is not None)
    return url, str(settings.ca_bundle or "")


def _credentials(settings: Settings) -> Any:
    path = settings.home / CREDENTIALS
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        leave(f"There are no keys in {settings.home} yet; the first `clary up` makes them.")
    except (OSError, ValueError) as error:
        leave(f"{path} cannot be read: {error}.")


COMMANDS = {"env": env}

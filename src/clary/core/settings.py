"""Settings: a flag wins over the environment, that over `clary.toml` in the home, that over the default.

Every setting has one name: `port` is `--port`, `CLARY_PORT` and `port = …` in the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clary.core.errors import SettingsError

SOCKET_PATH_BYTES_MAX = 107
INSTANCE_NAME_MAX = 40
HOME_BYTES_MAX = SOCKET_PATH_BYTES_MAX - len("/i/") - INSTANCE_NAME_MAX - len("/serve.sock")
FILE_NAME = "clary.toml"
MIB = 1024 * 1024
PORT_MAX = 65535
GATEWAYS_MAX = 64
ZONES_MAX = 6
LOG_LEVELS = ("debug", "info", "warning", "error")
SCALING_WINDOWS = ("fast", "aws")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
REGION_PATTERN = r"[a-z]{2}(-[a-z]+)+-\d"


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text, "default": default})


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose; sizes in bytes, times in seconds."""

    home: Path = _setting(Path("~/.clary"), "Folder of all state.")
    host: str = _setting("127.0.0.1", "Address to listen on; only loopback addresses.")
    port: int = _setting(4566, "Port to listen on.")
    tls: bool = _setting(False, "Answer TLS too, on the same port, with a certificate that Clary makes.")
    tls_cert: str = _setting("", "File of a certificate to answer TLS with, and of those between it and its root.")
    tls_key: str = _setting("", "File of the certificate's private key.")
    gateways: int = _setting(2, "Gateway worker processes.")
    region: str = _setting("us-east-1", "Region that `clary env` exports and root credentials default to.")
    database_url: str = _setting("", "Where records live; empty is SQLite under the home.")
    blob_url: str = _setting("", "Where objects live; empty is a folder under the home.")
    unsandboxed: bool = _setting(False, "Run user code without a sandbox where this machine allows none.")
    egress: bool = _setting(True, "Let code inside jobs reach the network through a proxy, unless isolated.")
    instances_max: int = _setting(500, "Instances of jobs and endpoints that this machine runs at once.")
    instance_memory_bytes_max: int = _setting(2048 * MIB, "Memory that one instance may use, whatever its type has.")
    warm_parents: int = _setting(4, "Processes kept that have imported what jobs import, and fork them; 0 is none.")
    zones: int = _setting(3, "Availability zones that instances are spread over, as labels.")
    scaling_windows: str = _setting("fast", "How long load lasts before target tracking scales: fast, or aws as there.")
    quotas: str = _setting("", "Default quotas other than Clary's own: CODE=VALUE, with commas between.")
    otlp_endpoint: str = _setting("", "OpenTelemetry collector, such as http://127.0.0.1:4318; empty sends no metrics.")
    otlp_interval_s: float = _setting(30.0, "How often metrics are sent to the collector.")
    log_level: str = _setting("info", "How much Clary's own logs say: debug, info, warning or error.")
    invocation_timeout_s: float = _setting(60.0, "How long a model may take to answer.")
    instance_requests_max: int = _setting(64, "Requests that one gateway worker sends to one instance at once.")
    variant_queue_max: int = _setting(256, "Requests that wait for a variant in one gateway worker; more get 429.")
    variant_queue_timeout_s: float = _setting(10.0, "How long a request waits for a variant before it gets 503.")
    invocation_bytes_max: int = _setting(6 * MIB, "Largest body of an invocation and of its answer.")
    request_bytes_max: int = _setting(16 * MIB, "Largest body of any other call that is not streamed.")

    @property
    def databases(self) -> Path:
        """Folder of the SQL databases."""
        return self.home / "db"

    @property
    def blobs(self) -> Path:
        """Folder of the bytes of objects."""
        return self.home / "blobs"

    @property
    def run(self) -> Path:
        """Folder of sockets, bells, counters and process files; worthless once nothing runs."""
        return self.home / "run"

    @property
    def instances(self) -> Path:
        """Folder of instances; short, since Unix socket paths have 107 bytes."""
        return self.home / "i"

    @property
    def work(self) -> Path:
        """Folder of what instances see as /opt/ml."""
        return self.home / "work"

    @property
    def packages(self) -> Path:
        """Folder of Python packages that source archives asked for, by account."""
        return self.home / "packages"

    @property
    def ca_bundle(self) -> Path | None:
        """What clients are to trust so that they accept a certificate of Clary's making, None if there is none."""
        return self.home / "tls" / "ca.pem" if self.tls and not self.tls_cert else None

    @property
    def tls_files(self) -> tuple[Path, Path] | None:
        """The certificate, with the chain above it, and its private key; None if TLS is not answered."""
        if self.tls_cert:
            return Path(self.tls_cert).expanduser(), Path(self.tls_key).expanduser()
        made = self.home / "tls" / "server.pem"
        return (made, made) if self.tls else None

    @property
    def process_logs(self) -> Path:
        """Folder of the logs of Clary's own processes."""
        return self.home / "log"

    @property
    def handoff_socket(self) -> Path:
        """Where a gateway hands connections to the api."""
        return self.run / "api.sock"

    @property
    def platform_socket(self) -> Path:
        """Where code inside instances reaches the gateways."""
        return self.run / "gateway.sock"


def load(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings, or raise SettingsError naming the setting and its source."""
    home = Path(flags.get("home") or environment.get("CLARY_HOME") or "~/.clary").expanduser().absolute()
    chosen: dict[str, Any] = {}
    for source, values in (
        (str(home / FILE_NAME), _file(home / FILE_NAME)),
        ("environment", _environment(environment)),
        ("flag", {name: value for name, value in flags.items() if value is not None}),
    ):
        for name, value in values.items():
            chosen[name] = _read(name, value, source)
    settings = Settings(**{**chosen, "home": home})
    _check(settings)
    return settings


def _file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    import tomllib  # which most homes have no use for

    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    known = {f"CLARY_{each.name.upper()}": each.name for each in fields(Settings)}
    return {known[name]: value for name, value in environment.items() if name in known}


def _read(name: str, value: Any, source: str) -> Any:
    defaults: dict[str, Any] = {each.name: each.metadata["default"] for each in fields(Settings)}
    if name not in defaults:
        raise SettingsError(f"{source}: there is no setting named {name!r}; known are {', '.join(sorted(defaults))}.")
    kind = type(defaults[name])
    try:
        if kind is bool and isinstance(value, str):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[value.lower()]
        if isinstance(value, bool) is not (kind is bool):
            raise ValueError
        return Path(value) if isinstance(defaults[name], Path) else kind(value)
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"{source}: {name} must be of type {kind.__name__}, not {value!r}.") from None


def _check(settings: Settings) -> None:
    if len(os.fsencode(settings.home)) > HOME_BYTES_MAX:
        raise SettingsError(
            f"home: {settings.home} is too long; a Unix socket path has {SOCKET_PATH_BYTES_MAX} bytes, "
            f"which leaves {HOME_BYTES_MAX} for the home."
        )
    rules = (
        ("port", 0 <= settings.port <= PORT_MAX, f"must be between 0 and {PORT_MAX}"),
        ("gateways", 1 <= settings.gateways <= GATEWAYS_MAX, f"must be between 1 and {GATEWAYS_MAX}"),
        ("region", re.fullmatch(REGION_PATTERN, settings.region), "must look like us-east-1"),
        ("log_level", settings.log_level in LOG_LEVELS, f"must be one of {', '.join(LOG_LEVELS)}"),
        ("scaling_windows", settings.scaling_windows in SCALING_WINDOWS, f"must be {' or '.join(SCALING_WINDOWS)}"),
        ("host", settings.host in LOOPBACK, f"must be one of {', '.join(LOOPBACK)}"),
        ("tls_key", bool(settings.tls_cert) == bool(settings.tls_key), "must be given with tls_cert, and only with it"),
        ("database_url", not settings.database_url, "must be empty: only SQLite is built"),
        ("blob_url", not settings.blob_url, "must be empty: only local folders are built"),
        ("invocation_timeout_s", settings.invocation_timeout_s > 0, "must be above 0"),
        ("instance_requests_max", settings.instance_requests_max > 0, "must be above 0"),
        ("variant_queue_max", settings.variant_queue_max >= 0, "must be 0 or more"),
        ("variant_queue_timeout_s", settings.variant_queue_timeout_s > 0, "must be above 0"),
        ("invocation_bytes_max", settings.invocation_bytes_max > 0, "must be above 0"),
        ("otlp_endpoint", re.fullmatch(r"(https?://\S+)?", settings.otlp_endpoint), "must be empty, or http(s)://…"),
        ("otlp_interval_s", settings.otlp_interval_s > 0, "must be above 0"),
        ("instances_max", settings.instances_max > 0, "must be above 0"),
        ("instance_memory_bytes_max", settings.instance_memory_bytes_max >= 128 * MIB, "must be at least 128 MiB"),
        ("warm_parents", settings.warm_parents >= 0, "must be 0 or more"),
        ("zones", 1 <= settings.zones <= ZONES_MAX, f"must be between 1 and {ZONES_MAX}"),
        ("request_bytes_max", settings.request_bytes_max >= MIB, "must be at least 1 MiB"),
    )
    for name, holds, rule in rules:
        if not holds:
            raise SettingsError(f"{name}: {getattr(settings, name)!r} {rule}.")

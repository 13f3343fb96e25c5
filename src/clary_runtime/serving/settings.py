"""Settings of the model server, read once from the environment, each with its default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Where to listen and the limits on what comes in."""

    socket: str | None
    host: str
    port: int
    workers: int
    body_bytes_max: int
    head_bytes_max: int = 64 << 10
    headers_max: int = 256
    connections_max: int = 1024
    waiting_max: int = 1024
    pipelined_max: int = 64
    receive_s_max: float = 60.0
    send_s_max: float = 60.0
    linger_s_max: float = 1.0
    drain_s_max: float = 30.0

    @classmethod
    def of(cls, environ: Mapping[str, str], cpus: int) -> Settings:
        """Return the settings the platform and AWS's documented variables ask for."""
        return cls(
            socket=environ.get("CLARY_SERVE_SOCKET") or None,
            host=environ.get("CLARY_SERVE_HOST") or "127.0.0.1",
            port=int(environ.get("SAGEMAKER_BIND_TO_PORT") or 8080),
            workers=max(1, int(environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or cpus)),
            body_bytes_max=int(environ.get("CLARY_BODY_BYTES_MAX") or 6 * MIB),
            receive_s_max=float(environ.get("CLARY_RECEIVE_S_MAX") or 60),
            linger_s_max=float(environ.get("CLARY_LINGER_S_MAX") or 1),
            drain_s_max=float(environ.get("CLARY_DRAIN_S_MAX") or 30),
        )

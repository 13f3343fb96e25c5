"""What a running Clary tells about itself: `run/supervisor.json`, there once it answers, replaced as a whole."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from clary.core.settings import Settings

FILE = "supervisor.json"


@dataclass(frozen=True, slots=True)
class ChildState:
    """A process of Clary's; `pid` is None while it waits to be started again."""

    name: str
    pid: int | None
    started_at: float
    restarts: int


@dataclass(frozen=True, slots=True)
class State:
    """A supervisor and its children; times are Unix seconds, and `port` is the real one where the setting was 0."""

    pid: int
    started_at: float
    host: str
    port: int
    version: str
    children: tuple[ChildState, ...]
    tls: bool = False
    ca_bundle: str = ""
    """What clients are to trust, if Clary made its certificate."""

    @property
    def url(self) -> str:
        """Where Clary answers."""
        return url_of(self.host, self.port, tls=self.tls)


def url_of(host: str, port: int, *, tls: bool) -> str:
    """Return the URL of an address."""
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def write(settings: Settings, state: State) -> None:
    """Tell the state; readers see the old one or the new one."""
    draft = settings.run / f".{FILE}"
    draft.write_text(json.dumps(asdict(state), indent=1) + "\n")
    os.replace(draft, settings.run / FILE)


def read(settings: Settings) -> State | None:
    """Return the state that was told last, or None; whoever told it may have died since (see `lock.holder`)."""
    try:
        told = json.loads((settings.run / FILE).read_text())
    except FileNotFoundError:
        return None
    return State(**{**told, "children": tuple(ChildState(**each) for each in told["children"])})


def remove(settings: Settings) -> None:
    """Tell that nothing answers any more."""
    (settings.run / FILE).unlink(missing_ok=True)

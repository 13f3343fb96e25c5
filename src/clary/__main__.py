"""The command `clary`, also `python -m clary`."""

from __future__ import annotations

from collections.abc import Callable

from clary.cli import app
from clary.core.settings import Settings
from clary.supervisor.listeners import Listeners
from clary.supervisor.programs import Programs


def main() -> None:
    """Run the command line."""
    app.run(Programs(prepare=_prepare, api=_api, gateway=_gateway, controller=_controller, agent=_agent))


def _prepare() -> Callable[[Settings], None]:
    from clary.processes.home import prepare

    return prepare


def _api() -> Callable[[Settings, Listeners], None]:
    from clary.processes.api import api

    return api


def _gateway() -> Callable[[Settings, Listeners, str], None]:
    from clary.processes.gateway import gateway

    return gateway


def _controller() -> Callable[[Settings], None]:
    from clary.processes.controller import controller

    return controller


def _agent() -> Callable[[Settings], None]:
    from clary.processes.agent import agent

    return agent


if __name__ == "__main__":
    main()

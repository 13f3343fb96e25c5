from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from clary.core.settings import load
from clary.supervisor.listeners import CannotListen, listen


def test_every_door_is_open_and_only_its_owner_may_pass_the_ones_in_the_home(home: Path):
    settings = load({"home": home, "port": 0}, {})
    settings.run.mkdir()
    listeners = listen(settings)
    socket.create_connection(("127.0.0.1", listeners.port)).close()
    for path in (settings.platform_socket, settings.handoff_socket, settings.run / "invocations.sock"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    listeners.close()


def test_a_socket_that_a_killed_process_left_is_replaced(home: Path):
    settings = load({"home": home, "port": 0}, {})
    settings.run.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(settings.platform_socket))
    listeners = listen(settings)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(settings.platform_socket))
    listeners.close()
    assert list(settings.run.iterdir()) == []


def test_ipv6_is_listened_on(home: Path):
    settings = load({"home": home, "port": 0, "host": "::1"}, {})
    settings.run.mkdir()
    listeners = listen(settings)
    socket.create_connection(("::1", listeners.port)).close()
    listeners.close()


def test_a_folder_that_is_missing_is_told(home: Path):
    with pytest.raises(CannotListen, match=r"Cannot listen on .*gateway.sock: No such file or directory"):
        listen(load({"home": home, "port": 0}, {}))

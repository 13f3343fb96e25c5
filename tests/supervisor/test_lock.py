from __future__ import annotations

import fcntl
import os
import stat
import subprocess
from pathlib import Path

import pytest

from clary.core.settings import load
from clary.supervisor import lock


def test_a_home_that_was_never_used_has_no_holder(home: Path):
    assert lock.holder(load({"home": home / "new"}, {})) is None


def test_a_holder_is_known_until_the_last_copy_of_its_lock_is_closed(home: Path):
    settings = load({"home": home}, {})
    held = lock.take(settings)
    copy = os.dup(held)
    os.close(held)
    assert lock.holder(settings) == lock.Holder(os.getpid(), alive=True)
    with pytest.raises(lock.HomeTaken):
        lock.take(settings)
    os.close(copy)
    assert lock.holder(settings) is None
    os.close(lock.take(settings))


def test_who_only_looks_is_in_nobodys_way(home: Path, monkeypatch: pytest.MonkeyPatch):
    settings = load({"home": home}, {})
    os.close(lock.take(settings))
    os.truncate(settings.run / lock.FILE, 0)
    looking = os.open(settings.run / lock.FILE, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert lock.holder(settings) is None
    monkeypatch.setattr(lock.time, "sleep", lambda _: os.close(looking))
    os.close(lock.take(settings))


def test_only_its_owner_may_look_into_a_new_home(home: Path):
    settings = load({"home": home / "new" / "one"}, {})
    os.close(lock.take(settings))
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(settings.run.stat().st_mode) == 0o700


def test_a_process_that_is_gone_is_not_mistaken_for_one_that_has_its_number():
    with subprocess.Popen(["/bin/sleep", "600"]) as process:
        ticks = lock.started_ticks(process.pid)
        assert ticks is not None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert lock.started_ticks(process.pid) is None  # a zombie runs no more
    assert lock.started_ticks(process.pid) is None

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) +api (\S+) (.*)")


@pytest.fixture
def logged(tmp_path: Path):
    """Run a few lines of Python whose logs go to a file, and return its lines."""

    def run(body: str, level: str = "info") -> list[str]:
        begin = (
            "import logging, os",
            "from pathlib import Path",
            "from clary.core import log",
            f"log.configure_file({level!r}, 'api', Path({str(tmp_path)!r}, 'api.log'))",
            "clary = logging.getLogger('clary.api')",
        )
        source = Path(__file__).parents[2] / "src"
        subprocess.run([sys.executable, "-c", "\n".join([*begin, body])], check=True, cwd=source)
        return (tmp_path / "api.log").read_text().splitlines()

    return run


def test_an_event_is_a_line_with_its_time_level_process_and_logger(logged):
    (line,) = logged("clary.info('serves %s', 'all')")
    assert LINE.fullmatch(line).groups() == ("INFO", "clary.api", "serves all")


def test_a_traceback_and_a_forged_line_stay_on_the_line_of_their_event(logged):
    lines = logged(
        "try:\n  1 / 0\nexcept ZeroDivisionError:\n  clary.exception('odd\\n2026-01-01T00:00:00.000Z forged')"
    )
    (line,) = lines
    assert LINE.fullmatch(line)[3].startswith("odd\\n2026-01-01T00:00:00.000Z forged\\nTraceback")
    assert line.endswith("ZeroDivisionError: division by zero")


def test_only_clary_says_more_than_warnings_since_others_would_log_signatures(logged):
    body = "clary.debug('mine')\nlogging.getLogger('botocore.auth').debug('signature')\n"
    body += "logging.getLogger('botocore.auth').warning('theirs')"
    assert [LINE.fullmatch(line)[3] for line in logged(body, "debug")] == ["mine", "theirs"]


def test_a_level_keeps_what_is_below_it_out(logged):
    assert logged("clary.info('unheard')", "warning") == []


def test_what_is_printed_or_warned_of_lands_in_the_same_file(logged):
    lines = logged("import warnings\nos.write(1, b'printed\\n')\nwarnings.warn('beware', stacklevel=1)")
    assert lines[0] == "printed"
    assert "beware" in lines[1]


def test_a_log_that_has_grown_too_large_gives_way_to_a_new_one(logged, tmp_path: Path):
    body = "logging.getLogger().handlers[0]._bytes_max = 1000\n"
    body += "for number in range(100):\n  clary.info('event %d', number)\nos.write(2, b'printed\\n')"
    lines = logged(body)
    assert lines[-1] == "printed"
    older = (tmp_path / "api.1.log").read_text().splitlines()
    assert len(older) < 20
    assert LINE.fullmatch(older[-1])[3] == f"event {99 - sum('event' in line for line in lines)}"
    assert {path.name for path in tmp_path.iterdir()} == {"api.log", "api.1.log"}

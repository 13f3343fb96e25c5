from __future__ import annotations

import subprocess
import sys

import pytest

from clary.cli.app import MODULES


def test_help_tells_every_command_in_a_sentence(clary):
    told = clary("--help", COLUMNS="300").stdout
    assert told == clary(COLUMNS="300").stdout
    lines = {line.split()[0]: line for line in told.splitlines() if line.startswith("    ")}
    assert [word for word in MODULES if not lines[word].endswith(".") and "$(clary env)" not in lines[word]] == []


def test_a_group_without_a_command_says_which_there_are(clary):
    assert "add" in clary("images", "--help").stdout
    assert "required: COMMAND" in clary("images").stderr


@pytest.mark.parametrize("word", ["up", "env"])
def test_a_command_imports_neither_the_others_nor_what_only_clary_itself_needs(word):
    look = (
        f"import sys; from clary.cli.app import parser; parser(['{word}'], {{'programs': None}}); print(*sys.modules)"
    )
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    assert f"clary.cli.{word}" in seen
    unwanted = {"sqlalchemy", "botocore", "boto3", "rich", "asyncio", "urllib3", "clary.cli.demo", "clary.processes"}
    assert unwanted & set(seen) == set()


def test_a_reader_that_has_had_enough_hears_no_complaint(home):
    (home / "log").mkdir()
    (home / "log" / "api.log").write_text("2026-11-22T10:00:00.000Z a line\n" * 50_000)
    command = f'"{sys.executable}" -m clary logs -n 50000 --home "{home}" | head -n 1'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")

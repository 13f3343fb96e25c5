"""What a start waits for: what each process imports, in the order in which the supervisor forks them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

NEVER = {"alembic", "boto3", "cryptography.x509", "numpy", "rich", "clary.demo", "clary.gateway.certificates"}
LOOK = """
import importlib, json, os, sys
importlib.import_module(sys.argv[1])
print(json.dumps({"modules": list(sys.modules), "threads": len(os.listdir("/proc/self/task"))}))
"""


@pytest.mark.parametrize(
    ("process", "not_yet"),
    [
        ("home", {"botocore", "h2", "regex", "uvloop", "clary.server", "clary.services.sagemaker"}),
        ("gateway", {"regex", "clary.server", "clary.controllers", "clary.agent"}),
        ("api", {"h2", "uvloop", "clary.gateway", "clary.controllers", "clary.agent"}),
        ("controller", {"h2", "uvloop", "clary.gateway", "clary.agent"}),
        ("agent", {"h2", "uvloop", "clary.gateway", "clary.controllers"}),
    ],
)
def test_a_process_imports_what_it_needs_and_starts_no_thread(process: str, not_yet: set[str]) -> None:
    command = [sys.executable, "-c", LOOK, f"clary.processes.{process}"]
    seen = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert (NEVER | not_yet) & set(seen["modules"]) == set()
    assert seen["threads"] == 1

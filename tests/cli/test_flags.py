from __future__ import annotations

from dataclasses import fields

import pytest

from clary.core.settings import Settings


def test_every_setting_is_a_flag_of_up_with_its_sentence(clary):
    told = " ".join(clary("up", "--help", COLUMNS="300").stdout.split())
    for each in fields(Settings):
        assert f"--{each.name.replace('_', '-')}" in told
        assert each.metadata["help"] in told


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--port", "70000"), "port: 70000 must be between 0 and 65535."),
        (("--host", "0.0.0.0"), "host: '0.0.0.0' must be one of 127.0.0.1, ::1, localhost"),
        (("--region", "mars"), "region: 'mars' must look like us-east-1."),
        (("--log-level", "loud"), "log_level: 'loud' must be one of debug, info, warning, error."),
        (("--home", "/tmp/" + "x" * 100), "home: /tmp/xxx"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(clary, flags, told):
    done = clary("up", *flags)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("clary: ")
    assert told in line


def test_a_wrong_variable_and_a_wrong_file_are_named(clary, home):
    assert "environment: port must be of type int, not 'many'." in clary("status", CLARY_PORT="many").stderr
    (home / "clary.toml").write_text("prot = 1\n")
    assert f"{home}/clary.toml: there is no setting named 'prot'" in clary("status").stderr

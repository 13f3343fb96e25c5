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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("logs", "--lines", "many"), "--lines/-n: 'many' must be of type int"),
        (("logs", "-n", "100001"), "--lines/-n: 100001 must be 0 to 100000"),
        (("chaos", "--wait", "-1"), "--wait: -1 must be at least 0"),
        (("env", "--shell", "zsh"), "--shell: 'zsh' must be one of bash, fish, powershell"),
        (("images", "add", "mine:1"), "the following arguments are required: FOLDER"),
        (("ap",), "invalid choice: 'ap' (choose from 'up', "),
    ],
)
def test_what_a_command_cannot_take_is_told_below_how_it_is_used(clary, words, told):
    done = clary(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: clary")
    assert told in done.stderr.splitlines()[-1]


def test_a_variable_stands_in_for_a_flag_that_is_not_given(clary):
    keys = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    told = clary("ab", "e", AWS_ENDPOINT_URL="http://127.0.0.1:9", **keys)
    assert '"http://127.0.0.1:9/' in told.stderr

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clary.cli import clients, shells
from clary.cli.env import variables_for

URL = "http://127.0.0.1:4566"
KEYS = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "it's/a+secret", "region": "eu-west-1"}


def test_clients_are_given_endpoint_keys_region_and_plugin():
    variables = variables_for(URL, KEYS, {})
    exported = dict(variables.exported)
    plugin = Path(exported.pop("PYTHONPATH"))
    assert (plugin / "clary_botocore.py").exists()
    assert exported == {
        "AWS_ENDPOINT_URL": URL,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "it's/a+secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "BOTOCORE_EXPERIMENTAL__PLUGINS": "clary=clary_botocore",
    }
    assert variables.unset == ()


def test_what_others_put_into_shared_variables_stays_and_ours_is_there_once():
    theirs = {"PYTHONPATH": "/their/folder", "BOTOCORE_EXPERIMENTAL__PLUGINS": "other=plugin"}
    once = variables_for(URL, KEYS, theirs).exported
    assert once["PYTHONPATH"].endswith(f"clary_plugin{os.pathsep}/their/folder")
    assert once["BOTOCORE_EXPERIMENTAL__PLUGINS"] == "clary=clary_botocore,other=plugin"
    assert variables_for(URL, KEYS, once).exported == once


def test_a_profile_and_a_session_token_that_would_win_are_unset_and_a_proxy_is_passed_by():
    variables = variables_for(
        URL, KEYS, {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "x", "HTTP_PROXY": "http://proxy:1"}
    )
    assert variables.unset == ("AWS_PROFILE", "AWS_SESSION_TOKEN")
    assert variables.exported["NO_PROXY"] == "127.0.0.1"


def test_bash_reads_back_what_was_written():
    lines = shells.bash({"CLARY_TEST": 'it\'s "a" $value\n;x'}, ["AWS_PROFILE"])
    script = "\n".join([*lines, 'printf "%s|%s" "$CLARY_TEST" "${AWS_PROFILE-unset}"'])
    done = subprocess.run(
        ["/bin/bash", "-c", script], capture_output=True, text=True, env={"AWS_PROFILE": "x"}, check=True
    )
    assert done.stdout == 'it\'s "a" $value\n;x|unset'


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_reads_back_what_was_written():
    script = "\n".join([*shells.fish({"CLARY_TEST": "it's \\ $value"}, ["AWS_PROFILE"]), 'printf "%s" "$CLARY_TEST"'])
    assert subprocess.run(["fish", "-c", script], capture_output=True, text=True, check=True).stdout == "it's \\ $value"


def test_other_shells_get_their_own_quotes():
    assert shells.fish({"A": "it's \\"}, ["B"]) == ["set -gx A 'it\\'s \\\\';", "set -e B;"]
    assert shells.powershell({"A": "it's"}, ["B"]) == ["$Env:A = 'it''s'", "Remove-Item Env:B"]


@pytest.fixture
def shell(tmp_path: Path):
    """Return the environment of a shell that has taken over what `clary env` printed, and uses this Python."""
    variables = variables_for(URL, KEYS, {})
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    } | variables.exported


def test_nothing_is_wrong_with_a_shell_that_took_it_over(shell):
    assert list(clients.problems(shell)) == []


def test_what_leads_clients_past_clary_is_told(shell):
    (told,) = clients.problems(shell | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"})
    assert "no AWS client will use Clary" in told
    (told,) = clients.problems(shell | {"AWS_ENDPOINT_URL_STS": "http://elsewhere"})
    assert told.startswith("AWS_ENDPOINT_URL_STS is set")
    Path(shell["AWS_CONFIG_FILE"]).write_text("[default]\nignore_configured_endpoint_urls = true\n")
    (told,) = clients.problems(shell)
    assert told.startswith(shell["AWS_CONFIG_FILE"])


def test_a_plugin_that_does_not_load_is_told(shell):
    (told,) = clients.problems(shell | {"PYTHONPATH": ""})
    assert "the botocore plugin does not load" in told
    assert "No module named 'clary_botocore'" in told


def test_before_the_first_start_there_are_no_keys_to_print(clary, home):
    done = clary("env")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"clary: There are no keys in {home} yet; the first `clary up` makes them.\n"


def test_json_names_what_to_set_and_what_to_unset(clary, home):
    (home / "credentials.json").write_text(json.dumps(KEYS))
    told = json.loads(clary("env", "--json", AWS_PROFILE="work").stdout)
    assert told["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert told["AWS_PROFILE"] is None


def test_with_tls_it_leads_to_it_and_names_what_to_trust(clary, home):
    (home / "credentials.json").write_text(json.dumps(KEYS))
    told = json.loads(clary("env", "--json", CLARY_TLS="1").stdout)
    assert told["AWS_ENDPOINT_URL"] == "https://127.0.0.1:4566"
    assert told["AWS_CA_BUNDLE"] == str(home / "tls" / "ca.pem")
    own = json.loads(clary("env", "--json", CLARY_TLS_CERT="/c.pem", CLARY_TLS_KEY="/k.pem").stdout)
    assert own["AWS_ENDPOINT_URL"] == "https://127.0.0.1:4566"
    assert "AWS_CA_BUNDLE" not in own

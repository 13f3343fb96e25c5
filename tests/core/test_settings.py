from __future__ import annotations

import pytest

from clary.core.errors import SettingsError
from clary.core.settings import load


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(home) -> None:
    (home / "clary.toml").write_text('port = 1\ngateways = 3\nregion = "eu-west-1"\n')
    settings = load({"home": str(home), "port": 5}, {"CLARY_GATEWAYS": "4", "CLARY_PORT": "2"})
    assert (settings.port, settings.gateways, settings.region, settings.host) == (5, 4, "eu-west-1", "127.0.0.1")


@pytest.mark.parametrize(
    ("flags", "environment", "told"),
    [
        ({"port": 70000}, {}, "port: 70000 must be between 0 and 65535"),
        ({}, {"CLARY_PORT": "many"}, "environment: port must be of type int, not 'many'"),
        ({"host": "0.0.0.0"}, {}, "host: '0.0.0.0' must be one of 127.0.0.1"),
        ({}, {"CLARY_REGION": "Mars"}, "region: 'Mars' must look like us-east-1"),
        ({"colour": "red"}, {}, "flag: there is no setting named 'colour'"),
        ({"database_url": "mysql://x"}, {}, "database_url: 'mysql://x' must be empty"),
        ({}, {"CLARY_EGRESS": "maybe"}, "environment: egress must be of type bool, not 'maybe'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_source(home, flags, environment, told) -> None:
    with pytest.raises(SettingsError, match=told.replace("(", r"\(")):
        load({"home": str(home), **flags}, environment)


def test_a_file_that_is_no_toml_is_named(home) -> None:
    (home / "clary.toml").write_text("port = = 1")
    with pytest.raises(SettingsError, match=r"clary\.toml is not valid TOML"):
        load({"home": str(home)}, {})


def test_a_home_too_long_for_sockets_is_refused() -> None:
    with pytest.raises(SettingsError, match="too long"):
        load({"home": "/tmp/" + "x" * 80}, {})


def test_booleans_are_read_from_text(home) -> None:
    assert load({"home": str(home)}, {"CLARY_UNSANDBOXED": "yes"}).unsandboxed is True
    assert load({"home": str(home)}, {"CLARY_UNSANDBOXED": "0"}).unsandboxed is False

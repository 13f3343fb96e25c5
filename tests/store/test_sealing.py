from __future__ import annotations

import pytest

from clary.store.sealing import Sealer, Unsealable


def test_a_secret_opens_for_its_purpose_and_key_alone(tmp_path) -> None:
    sealer = Sealer.at(tmp_path / "key")
    sealed = sealer.seal(b"secret", "access-key")
    assert Sealer.at(tmp_path / "key").open(sealed, "access-key") == b"secret"
    with pytest.raises(Unsealable):
        sealer.open(sealed, "session-token")
    with pytest.raises(Unsealable):
        Sealer.at(tmp_path / "other").open(sealed, "access-key")
    with pytest.raises(Unsealable):
        sealer.open(bytes([sealed[0] ^ 1]) + sealed[1:], "access-key")


def test_the_key_file_is_made_for_its_owner_alone(tmp_path) -> None:
    Sealer.at(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]

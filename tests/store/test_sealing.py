from __future__ import annotations

import os

import pytest

from clary.store.sealing import Sealer, Unsealable, keep_first


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


def test_of_threads_that_make_a_file_at_once_one_wins(tmp_path, monkeypatch) -> None:
    link = os.link

    def overtaken(draft, path) -> None:
        monkeypatch.setattr(os, "link", link)
        keep_first(tmp_path / "key", b"first")
        link(draft, path)

    monkeypatch.setattr(os, "link", overtaken)
    keep_first(tmp_path / "key", b"second")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"key": b"first"}

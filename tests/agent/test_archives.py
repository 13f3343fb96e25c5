from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from clary.agent.archives import pack, unpack
from clary.agent.places import Mistake
from clary.agent.strangers import files, opened, text

MIB = 2**20


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as target:
        for member, data in members:
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return path


def link(name: str, target: str, sort: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = sort, target
    return member, b""


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "model" / "deep").mkdir(parents=True)
    (tmp_path / "model" / "deep" / "a").write_bytes(b"x" * 5000)
    os.symlink("deep/a", tmp_path / "model" / "link")
    os.mkfifo(tmp_path / "model" / "pipe")
    with opened(tmp_path, "model") as folder, (tmp_path / "m.tar.gz").open("wb") as file:
        pack(folder, file)
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "m.tar.gz", tmp_path / "out", room_bytes=MIB, what="m")
    assert (tmp_path / "out" / "deep" / "a").read_bytes() == b"x" * 5000
    assert os.readlink(tmp_path / "out" / "link") == "deep/a"
    assert not (tmp_path / "out" / "pipe").exists()


@pytest.mark.parametrize(
    "member",
    [
        (tarfile.TarInfo("../outside"), b"x"),
        (tarfile.TarInfo("a/../../outside"), b"x"),
        link("away", "../../outside"),
        link("away", "/etc/passwd"),
        link("hard", "../outside", tarfile.LNKTYPE),
        link("device", "", tarfile.CHRTYPE),
    ],
    ids=["dots", "dots-inside", "symlink", "absolute-symlink", "hard-link", "device"],
)
def test_an_archive_that_climbs_out_is_refused(tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(Mistake, match="is refused"):
        unpack(archive(tmp_path / "evil.tar.gz", member), folder, room_bytes=MIB, what="s3://b/evil.tar.gz")
    assert not (tmp_path / "outside").exists()


def test_an_archive_that_does_not_fit_is_refused_before_it_is_written(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.tar.gz", (tarfile.TarInfo("zeros"), bytes(8 * MIB)))
    (tmp_path / "in").mkdir()
    with pytest.raises(Mistake, match="does not fit"):
        unpack(bomb, tmp_path / "in", room_bytes=MIB, what="bomb")
    assert list((tmp_path / "in").iterdir()) == []


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(Mistake, match=r"s3://b/x is not a readable tar\.gz"):
        unpack(tmp_path / "x", tmp_path, room_bytes=MIB, what="s3://b/x")


def test_links_in_a_strangers_folder_are_never_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    ml = tmp_path / "ml"
    (ml / "checkpoints").mkdir(parents=True)
    (ml / "checkpoints" / "good").write_text("good")
    os.symlink(tmp_path / "secret" / "key", ml / "checkpoints" / "file-link")
    os.symlink(tmp_path / "secret", ml / "checkpoints" / "folder-link")
    os.symlink(tmp_path / "secret", ml / "model")
    with opened(ml, "checkpoints") as folder:
        assert [(name, file.read()) for name, file in files(folder)] == [("good", b"good")]
    with pytest.raises(Mistake, match="'model' below /opt/ml is not a folder"), opened(ml, "model"):
        pass
    assert text(ml, "model", "key", bytes_max=100) == ""
    os.symlink(tmp_path / "secret" / "key", ml / "failure")
    assert text(ml, "failure", bytes_max=100) == ""

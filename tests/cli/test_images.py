from __future__ import annotations

from pathlib import Path


def test_an_image_is_added_listed_and_removed(clary, tmp_path: Path):
    program = tmp_path / "train"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert "No image of your own" in clary("images", "list").stdout
    assert clary("images", "add", "mine:1", str(tmp_path)).stdout == f"mine:1 now stands for {tmp_path}.\n"
    assert clary("images", "list").stdout.split() == ["URI", "FOLDER", "mine:1", str(tmp_path)]
    assert clary("images", "remove", "mine:1").returncode == 0
    assert clary("images", "remove", "mine:1").returncode == 1


def test_a_folder_without_programs_is_refused(clary, tmp_path: Path):
    done = clary("images", "add", "mine:1", str(tmp_path))
    assert done.returncode == 1
    assert "has neither an executable train nor serve" in done.stderr

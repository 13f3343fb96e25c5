"""What `dataclass` compiles is kept, used again, and never trusted beyond its text and its Python."""

from __future__ import annotations

import dataclasses
import marshal
import sys
from pathlib import Path

import pytest

from clary.core import generated
from clary.core.generated import remembered


def point() -> type:
    """Make a dataclass anew."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2

    return Point


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the texts that are compiled."""
    seen: list[str] = []

    def counted(text: str, *arguments: object, **named: object) -> object:
        seen.append(text)
        return compile(text, *arguments, **named)

    monkeypatch.setattr(generated, "compile", counted, raising=False)
    return seen


def test_classes_are_the_same_with_and_without_and_the_second_time_nothing_is_compiled(
    tmp_path: Path, compilations: list[str]
) -> None:
    with remembered(tmp_path / "cache", "all"):
        first = point()
    assert compilations
    compilations.clear()
    with remembered(tmp_path / "cache", "all"):
        second = point()
    assert compilations == []
    for made in (first, second, point()):
        assert (made(1) == made(1, 2), hash(made(1)) == hash(made(1)), repr(made(1))) == (
            True,
            True,
            "point.<locals>.Point(x=1, y=2)",
        )
        with pytest.raises(dataclasses.FrozenInstanceError):
            made(1).x = 3
    assert not hasattr(dataclasses, "exec")


@pytest.mark.parametrize(
    "content",
    [b"", b"rubbish", marshal.dumps(7), marshal.dumps(("another Python", {})), marshal.dumps((sys.version, 7))],
)
def test_a_file_that_is_not_of_this_python_is_passed_over(
    tmp_path: Path, compilations: list[str], content: bytes
) -> None:
    with remembered(tmp_path, "all"):
        point()
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    compilations.clear()
    with remembered(tmp_path, "all"):
        assert point()(1).y == 2
    assert compilations


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with remembered(tmp_path / "file", "all"):
        assert point()(1).y == 2

"""Notes of gateway workers: none is lost when a worker dies, and they never grow without bound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clary.store import inference_ids
from clary.store.inference_ids import Answered, Notes, Reader, readers


def note(notes: Notes, number: int) -> None:
    notes.note("1", "us-east-1", "e", "v", f"id-{number}", f"r-{number}")


def taken(reader: Reader) -> list[str]:
    found = []
    for noted, offset in reader.unread():
        found += [each.inference_id for each in noted]
        reader.read_to(offset)
    return found


def test_a_note_is_read_as_it_was_written_and_once(tmp_path: Path) -> None:
    notes = Notes(tmp_path, "gateway-0", lambda: 7.0)
    assert list(readers(tmp_path)) == []
    notes.note("1", "us-east-1", "e", "v", 'quote " and ,', "r")
    ((reader, complete),) = readers(tmp_path)
    assert not complete
    ((told, _),) = reader.unread()
    assert told == [Answered(7000, "1", "us-east-1", "e", "v", 'quote " and ,', "r")]
    assert taken(reader) == ['quote " and ,']
    note(notes, 2)
    assert taken(Reader(reader.path)) == ["id-2"]
    notes.close()
    ((reader, complete),) = readers(tmp_path)
    assert complete
    reader.forget()
    assert list(tmp_path.iterdir()) == []


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    whole = json.dumps([1, "1", "us-east-1", "e", "v", "i", "r"])
    path = tmp_path / "w.ids"
    path.write_text(f"{whole}\n{whole[:9]}")
    assert taken(Reader(path)) == ["i"]
    with path.open("a") as file:
        file.write(f"{whole[9:]}\n")
    assert taken(Reader(path)) == ["i"]


def test_a_full_file_is_given_away_and_notes_end_where_nobody_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference_ids, "FILE_BYTES_MAX", 100)
    monkeypatch.setattr(inference_ids, "FILES_MAX", 3)
    now = [0.0]
    notes = Notes(tmp_path, "gateway-0", lambda: now[0])
    for number in range(20):
        note(notes, number)
    found = [(taken(reader), complete) for reader, complete in readers(tmp_path)]
    assert len(found) == 3
    kept = sorted(each for some, _ in found for each in some)
    assert all(complete for _, complete in found)
    for reader, _ in readers(tmp_path):
        reader.forget()
    note(notes, 98)
    now[0] = inference_ids.PAUSE_S
    note(notes, 99)
    ((reader, _),) = readers(tmp_path)
    assert taken(reader) == ["id-99"]
    assert kept == sorted(f"id-{number}" for number in range(len(kept)))
    notes.close()


def test_half_a_line_on_a_full_disk_ends_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    notes = Notes(tmp_path, "gateway-0", lambda: now[0])
    note(notes, 1)
    write = inference_ids.os.write
    with monkeypatch.context() as full:
        full.setattr(inference_ids.os, "write", lambda descriptor, line: write(descriptor, line[:5]))
        note(notes, 2)
    now[0] = inference_ids.PAUSE_S
    note(notes, 3)
    assert sorted(each for reader, _ in readers(tmp_path) for each in taken(reader)) == ["id-1", "id-3"]
    notes.close()

"""A job's channels as matrices: CSV, libsvm and Parquet files of one folder, the label first.

A file that cannot be read raises `ClientError` in the words of AWS's container. Source: «Input/Output Interface for
the XGBoost Algorithm», SageMaker developer guide. Without a ContentType the first line decides between CSV and libsvm.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from clary_runtime.errors import ClientError
from clary_runtime.logs import LOG

FORMATS = {
    "csv": "csv",
    "text/csv": "csv",
    "libsvm": "libsvm",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "parquet": "parquet",
    "application/x-parquet": "parquet",
}
DELIMITERS = (",", "\t", ";", "|", " ")
MISSING = frozenset({"", "na", "n/a", "null", "none", "nan"})
SNIPPET_CHARS = 100
LINE_BYTES_MAX = 16 << 20

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """Where one channel's rows lie and how they are written (`format` None: to be seen from the first line)."""

    channel: str
    folder: Path
    format: str | None
    weighted: bool
    threads: int


def source(channel: str, folder: Path, config: Mapping[str, Any], *, weighted: bool, threads: int) -> Source:
    """Return a channel's source, once its ContentType has proved acceptable."""
    content_type = config.get("ContentType") or ""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        if parameter.startswith("label_size") and parameter.partition("=")[2].strip() != "1":
            raise ClientError(
                f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
            )
    if kind and kind not in FORMATS:
        raise ClientError(f"{content_type} is not an accepted ContentType: {', '.join(FORMATS)}.")
    return Source(channel, folder, FORMATS.get(kind), weighted, threads)


def matrix(source: Source) -> xgboost.DMatrix:
    """All rows of a channel; `ClientError` for an empty channel or a file that is not what it should be."""
    files = _files(source)
    LOG.info("files path: %s", source.folder)
    kind = source.format or _seen_format(files[0])
    if kind == "libsvm":
        return _libsvm(files)
    table = np.concatenate(parts) if len(parts := [_table(path, kind) for path in files]) > 1 else parts[0]
    return _labelled(table, source)


def _files(source: Source) -> list[Path]:
    """Files with content, in the order of their names; hidden ones are left out as the container leaves them."""
    every = [source.folder] if source.folder.is_file() else sorted(source.folder.rglob("*"))
    found = [path for path in every if path.is_file() and not path.name.startswith(".")]
    filled = [path for path in found if path.stat().st_size]
    if not filled:
        raise ClientError(
            f"No data in channel '{source.channel}': {source.folder} holds no file with content. "
            "Check the channel's S3Uri and that the execution role may read it."
        )
    return filled


def _table(path: Path, kind: str) -> Floats:
    return _parquet(path) if kind == "parquet" else _csv(path)


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        line = file.readline(LINE_BYTES_MAX)
    return line.decode("utf-8", "replace").lstrip("\ufeff").strip()


def _seen_format(path: Path) -> str:
    return "libsvm" if _is_libsvm(_first_line(path)) else "csv"


def _is_libsvm(line: str) -> bool:
    """Whether a line is a label (maybe `label:weight`) and then only `index:value` or `qid:number`."""
    label, *pairs = line.split() or [""]
    keys = [pair.partition(":")[0] for pair in pairs]
    paired = all(":" in pair for pair in pairs) and all(key == "qid" or key.isdigit() for key in keys)
    return paired and _is_number(label.partition(":")[0])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_first_line(path: Path, line: str, kind: str) -> ClientError:
    return ClientError(
        f"First line '{line[:SNIPPET_CHARS]}...' of file '{path.name}' is not '{kind}' format. "
        f"Please ensure the file is in '{kind}' format."
    )


def _csv(path: Path) -> Floats:
    line = _first_line(path)
    delimiter = next((mark for mark in DELIMITERS if mark in line), ",")
    fields = [field.strip() for field in line.split(delimiter)]
    if not all(field.lower() in MISSING or _is_number(field) for field in fields):
        raise _refuse_first_line(path, line, "CSV")
    LOG.info("Determined delimiter of CSV input is '%s'", delimiter)
    try:
        table: Floats = np.loadtxt(path, np.float32, comments=None, delimiter=delimiter, ndmin=2, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        if "could not convert" not in str(error):
            raise ClientError(f"Failed to load csv data with exception:\n{error}") from error
        table = _csv_with_gaps(path, delimiter)
    return table


def _csv_with_gaps(path: Path, delimiter: str) -> Floats:
    """Empty fields are missing values; only then is pandas' import and slower parser worth its price."""
    import pandas

    try:
        frame = pandas.read_csv(path, header=None, sep=delimiter, dtype=np.float32, encoding="utf-8-sig")
    except ValueError as error:
        raise ClientError(f"Failed to load csv data with exception:\n{error}") from error
    return np.asarray(frame, np.float32)


def _parquet(path: Path) -> Floats:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ClientError(
            "Failed to load parquet data with exception:\npyarrow is not installed in this environment; "
            "convert the channel to text/csv or add pyarrow to the runtime"
        ) from error
    try:
        frame: Floats = parquet.read_table(path).to_pandas().to_numpy(np.float32)
    except (ValueError, OSError) as error:
        raise ClientError(f"Failed to load parquet data with exception:\n{error}") from error
    return frame


def _labelled(table: Floats, source: Source) -> xgboost.DMatrix:
    leading = 2 if source.weighted else 1
    if table.shape[1] <= leading:
        raise ClientError(
            f"Channel '{source.channel}' has {table.shape[1]} column(s): the first must be the label"
            f"{', the second the weight' if source.weighted else ''}, the others features."
        )
    weight = table[:, 1] if source.weighted else None
    try:
        return xgboost.DMatrix(table[:, leading:], label=table[:, 0], weight=weight, nthread=source.threads)
    except xgboost.core.XGBoostError as error:
        reason = str(error).partition("Stack trace:")[0].strip()
        raise ClientError(f"Failed to load {source.format or 'csv'} data with exception:\n{reason}") from error


def _libsvm(files: list[Path]) -> xgboost.DMatrix:
    """Read a folder whole, by links with plain names: customers' file names must not reach the library's URI syntax."""
    for path in files:
        if not _is_libsvm(line := _first_line(path)):
            raise _refuse_first_line(path, line, "LIBSVM")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, path in enumerate(files):
            (Path(folder) / f"part-{number:06d}").symlink_to(path.absolute())
        try:
            return xgboost.DMatrix(f"{folder}?format=libsvm")
        except xgboost.core.XGBoostError as error:
            raise ClientError(f"Failed to load libsvm data with exception:\n{error}") from error

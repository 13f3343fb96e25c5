"""Request bodies of built-in XGBoost as rows of numbers: text/csv and text/libsvm.

`PayloadError` carries the words of AWS's container (sagemaker-xgboost-container, `encoder.py`).
"""

from __future__ import annotations

from array import array

from clary_runtime.algorithms.xgboost.library import Sparse

DELIMITERS = (b",", b"\t", b";", b"|")


class PayloadError(Exception):
    """A body that does not hold what its content type promises."""


def plain_row(body: bytes) -> list[float] | None:
    """Return the values of a CSV body that is one row of numbers, None if it is more than that."""
    try:
        return [*map(float, body.split(b","))]
    except ValueError:
        return None


def csv_rows(body: bytes) -> tuple[array[float], int]:
    """Return the values of a CSV body, row by row, and how many make a row; an empty field is a missing value."""
    lines = body.split() if b" " not in body and b"\t" not in body else body.strip().splitlines()
    first = lines[0] if lines else b""
    delimiter = b"," if b"," in first else next((mark for mark in DELIMITERS if mark in first), b",")
    columns = first.count(delimiter) + 1 if lines else 0
    try:
        if any(line.count(delimiter) + 1 != columns for line in lines[1:]):
            raise ValueError("the rows have different numbers of fields")
        return _values(delimiter.join(lines), delimiter), columns
    except ValueError as error:
        raise PayloadError(
            f"Loading csv data failed with Exception, please ensure data is in csv format:\n {type(error)}\n {error}"
        ) from error


def _values(text: bytes, delimiter: bytes) -> array[float]:
    fields = text.split(delimiter)
    try:
        return array("f", map(float, fields))
    except ValueError:
        return array("f", [float(field) if field.strip() else float("nan") for field in fields])


def libsvm_rows(body: bytes) -> Sparse:
    """Return the values of a libsvm body (`label index:value …`, the label may be left out)."""
    starts, indices, values = array("Q", [0]), array("I"), array("f")
    try:
        for line in body.strip().splitlines():
            for pair in _pairs(line):
                index, _, value = pair.partition(b":")
                indices.append(int(index))
                values.append(float(value))
            starts.append(len(indices))
    except (ValueError, OverflowError) as error:
        raise PayloadError(
            "Loading libsvm data failed with Exception, please ensure data is in libsvm format:\n "
            f"{type(error)}\n {error}"
        ) from error
    return Sparse(starts, indices, values, max(indices, default=-1) + 1)


def _pairs(line: bytes) -> list[bytes]:
    fields = line.split()
    if fields and b":" not in fields[0]:
        float(fields[0])
        fields = fields[1:]
    return [field for field in fields if not field.startswith(b"qid:")]

"""The default encodings of script-mode inference: CSV, JSON, JSON lines, NPY and sparse NPZ.

`UnsupportedFormat` carries AWS's words. One departure from the toolkit: a CSV body is always a table, also when it has
one row, since scikit-learn's models refuse the toolkit's one-dimensional array.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

CSV, JSON, JSON_LINES, NPY, NPZ = (
    "text/csv",
    "application/json",
    "application/jsonlines",
    "application/x-npy",
    "application/x-npz",
)
SMALL_BYTES = 4096
TEXT_TYPES = frozenset({CSV, JSON, JSON_LINES})


class UnsupportedFormat(Exception):
    """A content type no default handler knows."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework.\n\n"
            "Please implement input_fn to to deserialize the request data or an output_fn to\n"
            "serialize the response. For more information, see the SageMaker Python SDK README."
        )


def bare(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def decode(body: bytes, content_type: str) -> Any:
    """Return a body as an array (sparse for NPZ)."""
    try:
        reader = _READERS[bare(content_type)]
    except KeyError:
        raise UnsupportedFormat(content_type) from None
    return reader(body)


def encode(value: Any, accept: str) -> bytes:
    """Return an array, number or list in the accepted form."""
    try:
        writer = _WRITERS[bare(accept)]
    except KeyError:
        raise UnsupportedFormat(accept) from None
    return writer(value)


def _read_csv(body: bytes) -> Any:
    import numpy as np

    if len(body) <= SMALL_BYTES and (plain := _plain_rows(body)) is not None:
        return np.array(plain)
    try:
        return np.loadtxt(io.BytesIO(body), delimiter=",", ndmin=2, comments=None)
    except ValueError:
        # Missing and non-numeric fields become not-a-number, as the toolkit reads them.
        return np.atleast_2d(np.genfromtxt(io.BytesIO(body), delimiter=","))


def _plain_rows(body: bytes) -> list[list[float]] | None:
    """Read rows of nothing but numbers, of which numpy's reader takes a tenth of a millisecond for one."""
    if b"_" in body:  # which only Python takes for a part of a number
        return None
    try:
        rows = [[float(field) for field in line.split(b",")] for line in body.splitlines()]
    except ValueError:
        return None
    return rows if rows and len({len(row) for row in rows}) == 1 else None


def _read_json(body: bytes) -> Any:
    import numpy as np

    return np.array(json.loads(body))


def _read_json_lines(body: bytes) -> Any:
    import numpy as np

    return np.array([json.loads(line) for line in body.splitlines() if line.strip()])


def _read_npy(body: bytes) -> Any:
    """Arrays of objects are refused: they are pickles, and a request is not trusted with those."""
    import numpy as np

    return np.load(io.BytesIO(body), allow_pickle=False)


def _read_npz(body: bytes) -> Any:
    from scipy import sparse

    return sparse.load_npz(io.BytesIO(body))


def _write_csv(value: Any) -> bytes:
    import numpy as np

    out = io.StringIO()
    np.savetxt(out, np.atleast_1d(np.asarray(value)), delimiter=",", fmt="%s")
    return out.getvalue().encode()


def _write_json(value: Any) -> bytes:
    return json.dumps(value, default=_plain).encode()


def _write_json_lines(value: Any) -> bytes:
    rows = value.tolist() if hasattr(value, "tolist") else value
    return "".join(json.dumps(row, default=_plain) + "\n" for row in rows).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _write_npy(value: Any) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.save(out, np.asarray(value), allow_pickle=False)
    return out.getvalue()


def _write_npz(value: Any) -> bytes:
    from scipy import sparse

    out = io.BytesIO()
    sparse.save_npz(out, sparse.csr_matrix(value))
    return out.getvalue()


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    CSV: _read_csv,
    JSON: _read_json,
    JSON_LINES: _read_json_lines,
    NPY: _read_npy,
    NPZ: _read_npz,
}
_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    CSV: _write_csv,
    JSON: _write_json,
    JSON_LINES: _write_json_lines,
    NPY: _write_npy,
    NPZ: _write_npz,
}

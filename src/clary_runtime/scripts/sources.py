"""A customer's source archive, unpacked where scripts run.

Nothing of an archive lands outside its folder, and its size and number of files are bounded; an archive that breaks
either rule is refused with `ClientError`.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

from clary_runtime.errors import ClientError
from clary_runtime.layout import Layout

SOURCE_BYTES_MAX = 4 << 30
SOURCE_FILES_MAX = 100_000


def code_folder(submitted: str, layout: Layout, environ: Mapping[str, str]) -> Path:
    """Return the folder with the code `submitted` names: an s3 URI, an archive, a folder; "" is `/opt/ml/code`."""
    if not submitted:
        return layout.code
    origin = _origin(submitted, layout, environ)
    if origin.is_dir():
        return origin
    if not origin.is_file() or not tarfile.is_tarfile(origin):
        raise ClientError(f"The source {submitted} is neither a folder nor a tar archive that can be read")
    unpack(origin, layout.code)
    return layout.code


def _origin(submitted: str, layout: Layout, environ: Mapping[str, str]) -> Path:
    """Return where the source lies; what lies in S3 was downloaded by the platform, which says where to."""
    if not submitted.startswith(("s3://", "https://")):
        return layout.located(submitted.removeprefix("file://"))
    downloaded = environ.get("CLARY_SUBMIT_ARCHIVE")
    if not downloaded:
        raise ClientError(f"The source archive {submitted} was not downloaded: CLARY_SUBMIT_ARCHIVE is not set")
    return layout.located(downloaded)


def unpack(archive: Path, folder: Path, bytes_max: int = SOURCE_BYTES_MAX, files_max: int = SOURCE_FILES_MAX) -> None:
    """Unpack a tar archive into `folder`, member by member, within its bounds."""
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    try:
        with tarfile.open(archive) as members:
            for number, member in enumerate(members):
                size += member.size
                if size > bytes_max or number >= files_max:
                    raise ClientError(f"The source archive holds more than {bytes_max} bytes or {files_max} files")
                members.extract(member, folder, filter="data")
    except tarfile.FilterError as error:
        raise ClientError(f"The source archive was refused: {error}") from error
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ClientError(f"The source archive {archive.name} could not be unpacked: {error}") from error


def entry_file(code: Path, program: str) -> Path:
    """Return the entry point inside the code; `ClientError` if it is not there."""
    entry = (code / program).resolve()
    if not entry.is_relative_to(code.resolve()) or not entry.is_file():
        here = ", ".join(sorted(path.name for path in code.glob("*"))[:20]) or "nothing"
        raise ClientError(f"The entry point {program} is not in the source; found: {here}")
    return entry

"""Archives from and to strangers: nothing lands outside its folder, nothing grows without bound."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO

from clary.agent.places import Mistake

MEMBERS_MAX = 1_000_000
GZIP_LEVEL = 6


def unpack(archive: Path, folder: Path, *, room_bytes: int, what: str) -> None:
    """Unpack a .tar.gz below a folder; raise Mistake if it climbs out, is too large or is no archive.

    Devices, links that lead out and absolute names are refused (PEP 706, filter `data`).
    """
    left = room_bytes
    try:
        with tarfile.open(archive, "r:*") as source:
            for count, member in enumerate(source):
                left -= member.size
                if left < 0 or count >= MEMBERS_MAX:
                    raise Mistake(f"{what} does not fit on the instance's volume.")
                source.extract(member, folder, filter="data")
    except tarfile.FilterError as error:
        raise Mistake(f"{what} is refused: {error}") from error
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise Mistake(f"{what} is not a readable tar.gz archive: {error}") from error


def pack(folder: int, archive: IO[bytes]) -> None:
    """Write the contents of an open folder to a .tar.gz; links are kept as links, sockets and devices left out."""
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=GZIP_LEVEL) as target:
        for name in sorted(os.listdir(folder)):
            target.add(f"/proc/self/fd/{folder}/{name}", arcname=name, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def clear(folder: Path) -> None:
    """Make a folder new and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

"""`clary images`: folders of one's own programs that stand for image URIs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from clary.cli.flags import Argument, Group, with_settings
from clary.cli.screen import leave, table
from clary.core.errors import ComputeError
from clary.core.settings import Settings

Uri = Annotated[str, Argument("The image URI, as jobs and models name it.", "URI")]
Folder = Annotated[Path, Argument("A folder with executables train, serve, or both.", "FOLDER")]


@with_settings("home")
def add(settings: Settings, uri: Uri, folder: Folder) -> None:
    """Let a URI stand for a folder from now on."""
    from clary.compute import images

    try:
        images.register(settings.home, uri, folder)
    except ComputeError as error:
        leave(str(error))
    print(f"{uri} now stands for {folder.absolute()}.")


@with_settings("home")
def remove(settings: Settings, uri: Uri) -> None:
    """Forget what a URI stands for; the folder stays."""
    from clary.compute import images

    if not images.unregister(settings.home, uri):
        leave(f"{uri} stands for no folder; see `clary images list`.")
    print(f"{uri} is forgotten.")


@with_settings("home")
def list_(settings: Settings) -> None:
    """Show what is registered."""
    from clary.compute import images

    try:
        known = images.registered(settings.home)
    except ComputeError as error:
        leave(str(error))
    if known:
        table(("uri", "folder"), [(uri, str(folder)) for uri, folder in sorted(known.items())])
    else:
        print("No image of your own is registered. AWS's XGBoost and scikit-learn images work as they are.")


COMMANDS = {
    "images": Group(
        "Let image URIs stand for folders of your own programs.", {"add": add, "remove": remove, "list": list_}
    )
}

"""`clary chaos`: kill an instance of an endpoint, or a zone of them, and tell how long it took to heal.

There is no operation for it, since AWS has none. The right to it is the operating system's: whoever may read the home
and signal its processes may kill them anyway. Whose an instance is, and in which zone, its labels say.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from clary.cli.flags import WRONG_USE, Flag, with_settings
from clary.cli.screen import FAILED, leave, table
from clary.core.settings import Settings

if TYPE_CHECKING:
    from clary.cli.victims import Healed, Server

Endpoint = Annotated[str | None, Flag("Kill one instance of this endpoint, chosen at random.")]
Variant = Annotated[str | None, Flag("Only instances of this production variant.")]
Name = Annotated[str | None, Flag("Kill the instance of this name (see clary status).")]
Zone = Annotated[str | None, Flag("Kill every instance in this zone, such as us-east-1a.")]
Account = Annotated[str | None, Flag("Only instances of this account.")]
Patience = Annotated[float, Flag("How many seconds the healing may take.", "--wait", metavar="SECONDS", least=0)]
Json = Annotated[bool, Flag("Print what was done as JSON.", "--json")]


@with_settings("home")
def chaos(
    settings: Settings,
    endpoint: Endpoint = None,
    variant: Variant = None,
    instance: Name = None,
    zone: Zone = None,
    account: Account = None,
    wait_s: Patience = 60.0,
    as_json: Json = False,
) -> None:
    """Kill an instance of an endpoint, or a zone, with SIGKILL, and tell how long it takes to heal."""
    if endpoint is None and instance is None and zone is None:
        leave("say what is to be killed: --endpoint, --instance or --zone.", WRONG_USE)
    if not settings.instances.is_dir():
        leave(f"there is no Clary in {settings.home}.")
    from clary.cli.victims import Choice, chosen, healing, serving
    from clary.compute.process import ProcessBackend

    backend = ProcessBackend(settings.instances)
    before = serving(backend)
    victims = chosen(Choice(endpoint, variant, instance, zone, account), before, random.SystemRandom().choice)
    if not victims:
        leave("no instance that serves fits that.")
    began = time.monotonic()
    killed = [each for each in victims if backend.kill(each.instance)]
    healed = list(healing(backend, before, killed, began, wait_s))
    if as_json:
        print(json.dumps({"killed": [asdict(each) for each in killed], "healed": [asdict(each) for each in healed]}))
    else:
        _print(killed, healed, wait_s)
    if any(each.seconds is None for each in healed):
        raise SystemExit(FAILED)


def _print(killed: Sequence[Server], healed: Sequence[Healed], wait_s: float) -> None:
    print(f"Killed with SIGKILL, as if its machine had failed: {len(killed)}.\n")
    columns = ("endpoint", "variant", "zone", "instance")
    table(columns, [(each.endpoint, each.variant, each.zone, each.instance) for each in killed])
    print()
    for each in healed:
        if each.seconds is None:
            print(f"{each.endpoint} is not whole again after {wait_s:g} s.")
        else:
            print(f"{each.endpoint} was whole again after {each.seconds:.2f} s.")


COMMANDS = {"chaos": chaos}

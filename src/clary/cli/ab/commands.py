"""`clary ab` and `clary reward`: which variant of an endpoint is better, and what tells that.

Both are clients of AWS's API like any other, and would work with AWS, but for its lack of a log of inference ids.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from clary.cli.env import variables
from clary.cli.flags import WRONG_USE, Argument, Flag, with_settings
from clary.cli.screen import leave
from clary.core.ids import uid
from clary.core.settings import Settings

CONFIDENCE = 0.95
SINCE = "24h"
STDIN = "-"
ID_CHARACTERS_MAX = 64
"""Of an InferenceId (SageMaker Runtime API reference, InvokeEndpoint)."""

Name = Annotated[str, Argument("The endpoint.", "ENDPOINT")]
Since = Annotated[str, Flag("From when on: 90m, 24h, 7d or 2026-11-22T10:00 (UTC).")]
Baseline = Annotated[str | None, Flag("The variant to compare with; the first one if none is named.")]
Confidence = Annotated[float, Flag("Of the interval of the difference.", least=0.5, most=0.9999)]
Rewards = Annotated[
    str | None,
    Flag(
        "Where rewards are, as Model Monitor's ground truth; if none is named, in the SageMaker SDK's bucket.",
        metavar="S3_URI",
    ),
]
Json = Annotated[bool, Flag("Print the figures as JSON; latencies in microseconds.", "--json")]
Id = Annotated[str | None, Argument("The InferenceId of the invocation.", "INFERENCE_ID")]
Value = Annotated[str | None, Argument("What the answer was worth, such as 1 or 0.", "VALUE")]
File = Annotated[str | None, Flag("Many rewards instead: CSV of inference id and value; - is standard input.")]
Url = Annotated[
    str | None,
    Flag(
        "Use the Clary that answers at this URL, with the keys of AWS's usual variables.",
        metavar="URL",
        variable="AWS_ENDPOINT_URL",
    ),
]
Clients = Callable[[str], Any]


@with_settings("home")
def ab(
    settings: Settings,
    name: Name,
    since: Since = SINCE,
    baseline: Baseline = None,
    rewards: Rewards = None,
    confidence: Confidence = CONFIDENCE,
    endpoint_url: Url = None,
    as_json: Json = False,
) -> None:
    """Compare the variants of an endpoint: requests, errors, latencies, and rewards with what they prove."""
    from clary.cli.ab.page import show
    from clary.cli.ab.report import report
    from clary.cli.ab.span import span

    with _telling():
        covered = span(since, datetime.now(UTC))
        clients = _clients(settings, endpoint_url)
        told = report(clients, name, covered, _place(clients, name, rewards), baseline, confidence)
    if as_json:
        print(json.dumps(told.to_json(), indent=1))
    else:
        show(told)


@with_settings("home")
def reward(
    settings: Settings,
    name: Name,
    inference_id: Id = None,
    value: Value = None,
    file: File = None,
    rewards: Rewards = None,
    endpoint_url: Url = None,
) -> None:
    """Tell what answers of an endpoint were worth, by the InferenceId that they were asked for with."""
    from clary.cli.ab.ground_truth import write

    with _telling():
        given = _given(inference_id, value, file)
        clients = _clients(settings, endpoint_url)
        clients("sagemaker").describe_endpoint(EndpointName=name)  # so that a slip of the pen does not get lost
        written = write(clients("s3"), _place(clients, name, rewards), given, datetime.now(UTC), uid())
    print(f"{len(given)} {'reward' if len(given) == 1 else 'rewards'} in {written}")


@contextmanager
def _telling() -> Iterator[None]:
    """Have what AWS's clients and people's slips raise told in one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        leave(str(error))
    except ValueError as error:
        leave(str(error), WRONG_USE)


def _given(inference_id: str | None, value: str | None, file: str | None) -> Mapping[str, float]:
    """Return the rewards by inference id, or raise ValueError."""
    if (inference_id is None) == (file is None) or (value is None) != (inference_id is None):
        raise ValueError("name an INFERENCE_ID and its VALUE, or a --file of many.")
    if inference_id is not None and value is not None:
        return {_checked(inference_id): _number(value, inference_id)}
    assert file is not None, "one of the two is given"
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}.") from None
    rewards: dict[str, float] = {}
    for row in csv.reader(text.splitlines()):
        if len(row) != 2:
            raise ValueError(f"{','.join(row)!r} is no line of an inference id and a value.")
        rewards[_checked(row[0])] = _number(row[1], row[0])
    if not rewards:
        raise ValueError(f"{file} holds no reward.")
    return rewards


def _checked(inference_id: str) -> str:
    if not inference_id or len(inference_id) > ID_CHARACTERS_MAX or not inference_id.isascii():
        raise ValueError(f"{inference_id!r} is no inference id: those have 1 to {ID_CHARACTERS_MAX} ASCII characters.")
    return inference_id


def _number(value: str, inference_id: str) -> float:
    from clary.cli.ab.ground_truth import reward_of

    try:
        return reward_of(value)
    except ValueError:
        raise ValueError(f"the reward of {inference_id} must be a finite number, not {value!r}.") from None


def _clients(settings: Settings, url: str | None) -> Clients:
    """Return what makes clients: those of the environment where it names an endpoint, else those of the home."""
    from clary.demo.access import Access, connect

    if url is not None:
        return connect(Access(url))
    home = variables(settings, os.environ).exported
    return connect(
        Access(
            home["AWS_ENDPOINT_URL"],
            home["AWS_ACCESS_KEY_ID"],
            home["AWS_SECRET_ACCESS_KEY"],
            home["AWS_REGION"],
            direct=True,
        )
    )


def _place(clients: Clients, endpoint: str, named: str | None) -> Any:
    from clary.cli.ab.ground_truth import place_for, place_of

    if named is not None:
        return place_of(named)
    account = clients("sts").get_caller_identity()["Account"]
    return place_for(endpoint, account, clients("s3").meta.region_name)


COMMANDS = {"ab": ab, "reward": reward}

"""Which variant answered which InferenceId, from the log that Clary keeps of each endpoint's ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from clary.cli.ab.span import Span

GROUP = "/aws/sagemaker/InferenceIds/"
IDS_MAX = 5_000_000
SEVERAL = ""


@dataclass
class Attributed:
    """Rewards by the variant that answered, and how many could not be laid at anybody's door."""

    rewards: dict[str, list[float]] = field(default_factory=dict)
    unmatched: int = 0
    ambiguous: int = 0


def answered(logs: Any, endpoint: str, span: Span) -> dict[str, str]:
    """Return the variant of each InferenceId; "" for one that several variants answered."""
    variants: dict[str, str] = {}
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=GROUP + endpoint, startTime=int(span.start.timestamp() * 1000)
    )
    try:
        for page in pages:
            for event in page["events"]:
                inference_id = json.loads(event["message"])["eventMetadata"]["inferenceId"]
                variant = event["logStreamName"]
                variants[inference_id] = variant if variants.get(inference_id, variant) == variant else SEVERAL
            if len(variants) > IDS_MAX:
                raise ValueError(f"There are more than {IDS_MAX} inference ids in this time; report on less.")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    return variants


def attributed(rewards: Mapping[str, float], variants: Mapping[str, str]) -> Attributed:
    """Return the rewards by the variant that answered."""
    found = Attributed()
    for inference_id, reward in rewards.items():
        variant = variants.get(inference_id)
        if variant is None:
            found.unmatched += 1
        elif variant == SEVERAL:
            found.ambiguous += 1
        else:
            found.rewards.setdefault(variant, []).append(reward)
    return found

"""What a worker notes of invocations that bring an InferenceId."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from clary.store.inference_ids import Answered, readers


def noted(gateway) -> list[Answered]:
    found = [told for reader, _ in readers(gateway.settings.run / "inference-ids") for told, _ in reader.unread()]
    return [each for batch in found for each in batch]


def test_the_variant_that_answered_an_inference_id_is_noted_before_the_client_hears(running):
    client = running.client()
    client.invoke_endpoint(EndpointName="churn", Body=b"1")
    answer = client.invoke_endpoint(EndpointName="churn", Body=b"1", InferenceId="order-7")
    (told,) = [each for each in noted(running) if each.inference_id == "order-7"]
    assert (told.endpoint, told.variant, told.inference_id) == ("churn", "AllTraffic", "order-7")
    assert told.request_id == answer["ResponseMetadata"]["RequestId"]


def test_what_the_model_refused_has_no_reward_to_wait_for(running):
    with pytest.raises(ClientError):
        running.client().invoke_endpoint(EndpointName="churn", Body=b"status 500 no", InferenceId="order-8")
    assert "order-8" not in [each.inference_id for each in noted(running)]


def test_a_worker_that_is_killed_takes_no_note_along(gateway):
    gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    gateway.client().invoke_endpoint(EndpointName="churn", Body=b"1", InferenceId="order-9")
    worker.kill()
    worker.wait()
    ((_, complete),) = readers(gateway.settings.run / "inference-ids")
    assert complete
    assert [each.inference_id for each in noted(gateway)] == ["order-9"]

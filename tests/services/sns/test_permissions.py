"""Who may do what with a topic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clary.access.principal import service_principal
from clary.services.operation import handlers
from clary.services.sns import operations


def test_another_account_may_what_a_permission_says_and_no_more(aws: Any, sns: Any, topic: str, refused: Any) -> None:
    other = aws.other()
    asked = {"TopicArn": topic, "Label": "l", "AWSAccountId": [other.account], "ActionName": ["Publish"]}
    with refused("AccessDenied"):
        other("sns")("Publish", TopicArn=topic, Message="a")
    sns("AddPermission", **asked)
    other("sns")("Publish", TopicArn=topic, Message="a")
    with refused("AccessDenied"):
        other("sns")("DeleteTopic", TopicArn=topic)
    with refused("InvalidParameter"):
        sns("AddPermission", **asked)
    sns("RemovePermission", TopicArn=topic, Label="l")
    with refused("AccessDenied"):
        other("sns")("Publish", TopicArn=topic, Message="a")
    with refused("NotFound"):
        sns("RemovePermission", TopicArn=topic, Label="l")


def test_a_service_may_publish_for_a_resource_of_the_topics_account_alone(aws: Any, topic: str, refused: Any) -> None:
    def publish(account: str) -> None:
        alarm = f"arn:aws:cloudwatch:us-east-1:{account}:alarm:a"
        call = replace(aws.call("sns", "Publish"), principal=service_principal("cloudwatch", alarm))
        handlers(operations(aws.platform))["Publish"](call, {"TopicArn": topic, "Message": "a"})

    publish(aws.account)
    with refused("AccessDenied"):
        publish(aws.other().account)

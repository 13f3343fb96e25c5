"""Search expressions."""

from __future__ import annotations

import pytest

from clary.services.cloudwatch.metric_math.searches import parse_search
from clary.services.cloudwatch.metric_math.syntax import BadExpression
from clary.store.series import Metric

CPU = Metric("AWS/EC2", "CPUUtilization", (("InstanceId", "i-1"),))
NETWORK = Metric("AWS/EC2", "NetworkIn", (("AutoScalingGroup", "prod web"),))
LATENCY = Metric("AWS/SageMaker", "ModelLatency", (("EndpointName", "e"), ("VariantName", "v")))
ALL = {"cpu": CPU, "network": NETWORK, "latency": LATENCY}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "cpu network latency"),
        ("{AWS/EC2,InstanceId}", "cpu"),
        ('{AWS/EC2,InstanceId} MetricName="CPUUtilization"', "cpu"),
        ('{AWS/EC2,InstanceId} MetricName="cpuutilization"', ""),
        ("{AWS/SageMaker, VariantName, EndpointName}", "latency"),
        ("{AWS/SageMaker,VariantName}", ""),
        ("{AWS/EC2}", ""),
        ("utilization", "cpu"),
        ("CPU Utilization", "cpu"),
        ("network OR latency", "network latency"),
        ('Namespace="AWS/EC2" NOT MetricName=NetworkIn', "cpu"),
        ('Namespace="AWS/EC2" (network OR cpu)', "cpu network"),
        ('AutoScalingGroup="prod web"', "network"),
        ("InstanceId=(i-1 OR i-2)", "cpu"),
        ('MetricName=("NetworkIn" OR "ModelLatency")', "network latency"),
    ],
)
def test_a_search_finds_what_it_describes(text: str, found: str) -> None:
    search = parse_search(text)
    assert [name for name, metric in ALL.items() if search.finds(metric)] == found.split()


@pytest.mark.parametrize("text", ['"open', "(a", "a )", "OR a", "a =", "NOT", "x=(", "(" * 200, "{} a"])
def test_a_search_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadExpression, match=r"[Ss]earch"):
        parse_search(text)

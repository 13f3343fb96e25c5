from __future__ import annotations

import numpy as np
import pytest

from clary.demo import checks
from clary.demo.cloudwatch import Metric
from clary.demo.failures import DemoFailed

ANSWERS = np.array([[0.9, 0.1], [0.2, 0.8]])


def test_answers_may_differ_by_what_printing_rounds_away() -> None:
    assert checks.difference("job", ANSWERS, ANSWERS + 1e-8) == pytest.approx(1e-8)


@pytest.mark.parametrize("offline", [ANSWERS + 1e-3, ANSWERS * np.nan, ANSWERS[:1], ANSWERS[:, :1]])
def test_answers_that_the_model_would_not_give_are_refused(offline: np.ndarray) -> None:
    with pytest.raises(DemoFailed, match="scored offline"):
        checks.difference("job", ANSWERS, offline)


def test_the_likeliest_class_counts() -> None:
    assert checks.accuracy("job", ANSWERS, np.array([0, 1])) == 1.0
    assert checks.accuracy("job", ANSWERS[:, 1:], np.array([0, 1])) == 1.0


def test_a_model_that_guesses_is_refused() -> None:
    with pytest.raises(DemoFailed, match=r"50\.0% of the held-out rows"):
        checks.accuracy("job", ANSWERS, np.array([0, 0]))


@pytest.mark.parametrize("metric", [None, Metric("loss", 3, 0.1, 0.9, 0.1)])
def test_a_metric_that_lacks_values_is_refused(metric: Metric | None) -> None:
    with pytest.raises(DemoFailed, match="CloudWatch has"):
        checks.whole("job", metric, 4)


def test_a_job_without_a_line_is_refused() -> None:
    with pytest.raises(DemoFailed, match="no line of job"):
        checks.said("job", ())

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np

from clary.demo import digits_script, plan
from clary.demo.cases import SCRIPT, sklearn_case, source_archive, xgboost_case
from clary.demo.data_sets import HELD_OUT, digits


def test_no_row_is_both_learned_from_and_held_out() -> None:
    data = digits()
    learned = {row.tobytes() for row in data.rows}
    assert len(data.held_out_rows) == HELD_OUT
    assert not any(row.tobytes() in learned for row in data.held_out_rows)


def test_a_job_gets_a_label_and_its_features_a_line() -> None:
    data = xgboost_case().data
    table = np.loadtxt(BytesIO(data.csv), delimiter=",")
    assert (table[:, 0] == data.labels).all()
    assert np.allclose(table[:, 1:], data.rows, rtol=1e-8)


def test_the_archive_holds_the_script_under_the_name_that_the_job_is_told() -> None:
    case = sklearn_case("bucket")
    with tarfile.open(fileobj=BytesIO(source_archive())) as archive:
        member = archive.extractfile(SCRIPT)
        assert member is not None
        assert member.read() == Path(digits_script.__file__).read_bytes()
    assert case.hyperparameters["sagemaker_program"] == SCRIPT


def test_every_step_has_a_name_of_its_own() -> None:
    assert len(set(plan.STEPS)) == len(plan.STEPS)

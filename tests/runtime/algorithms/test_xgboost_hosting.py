"""A trained XGBoost model answers as AWS's container does, and predicts what the library predicts."""

from __future__ import annotations

import json
import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from clary_runtime.algorithms.xgboost.hosting import loader
from clary_runtime.serving.messages import Request

XGBOOST = ("--algorithm", "xgboost")
ROWS = 5


def csv(rows) -> str:
    return "\n".join(",".join(repr(float(value)) for value in row) for row in rows)


def trained(container, loader, **params):
    """Make a model left as training leaves it, its first rows, and what the library predicts for them."""
    features, labels = loader(return_X_y=True)
    booster = xgboost.train({"nthread": 1, "seed": 1, **params}, xgboost.DMatrix(features, labels), 4)
    container.model.mkdir(parents=True)
    (container.model / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    rows = features[:ROWS].astype("float32")
    return rows, booster.predict(xgboost.DMatrix(rows))


@pytest.fixture
def serving(serving):
    """Have the library answer from first to last: compiled trees, which come a moment later, may round otherwise."""
    return partial(serving, CLARY_ACCELERATION="off")


@pytest.fixture
def cancer(container):
    return trained(container, load_breast_cancer, objective="binary:logistic")


def test_csv_rows_give_a_line_each_equal_to_the_librarys_prediction(container, cancer, serving):
    rows, expected = cancer
    answer = serving(container, *XGBOOST).invoke(csv(rows))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/csv")
    assert [float(line) for line in answer.body.decode().splitlines()] == expected.tolist()


def test_libsvm_rows_give_the_same_as_the_library_makes_of_them(container, cancer, serving):
    rows, expected = cancer
    body = "\n".join("0 " + " ".join(f"{at}:{value!r}" for at, value in enumerate(map(float, row))) for row in rows)
    endpoint = serving(container, *XGBOOST)
    answer = endpoint.invoke(body, "text/libsvm")
    assert [float(line) for line in answer.body.decode().splitlines()] == expected.tolist()
    without_label = "\n".join(line.partition(" ")[2] for line in body.splitlines())
    assert endpoint.invoke(without_label, "text/x-libsvm").body == answer.body


@pytest.mark.parametrize(
    ("loader", "params"),
    [
        (load_diabetes, {"booster": "gblinear"}),
        (load_diabetes, {"booster": "dart", "rate_drop": 0.5}),
        (load_diabetes, {"objective": "count:poisson"}),
        (load_wine, {"objective": "multi:softmax", "num_class": 3}),
        (load_wine, {"objective": "multi:softprob", "num_class": 3}),
    ],
)
def test_every_booster_and_objective_predicts_as_the_library_does(container, serving, loader, params):
    rows, expected = trained(container, loader, **params)
    answer = serving(container, *XGBOOST).invoke(csv(rows))
    found = [[float(field) for field in line.split(",")] for line in answer.body.decode().splitlines()]
    np.testing.assert_allclose(np.squeeze(found), expected, rtol=1e-6)


def test_missing_values_are_empty_fields_or_nan(container, cancer, serving):
    rows, _ = cancer
    booster = xgboost.Booster(model_file=bytearray((container.model / "xgboost-model").read_bytes()))
    gap = rows[:1].copy()
    gap[0, 7] = gap[0, 27] = np.nan
    expected = booster.predict(xgboost.DMatrix(gap)).tolist()
    endpoint = serving(container, *XGBOOST)
    for missing in ("", "nan"):
        answer = endpoint.invoke(csv(gap).replace("nan", missing))
        assert [float(answer.body)] == expected


def test_json_and_json_lines_are_written_on_request(container, cancer, serving):
    rows, expected = cancer
    endpoint = serving(container, *XGBOOST)
    document = endpoint.invoke(csv(rows), Accept="application/json")
    assert json.loads(document.body) == {"predictions": [{"score": score} for score in expected.tolist()]}
    lines = endpoint.invoke(csv(rows), Accept="application/jsonlines")
    assert [json.loads(line)["score"] for line in lines.body.splitlines()] == expected.tolist()
    assert lines.headers["content-type"] == "application/jsonlines"


def test_the_environment_chooses_what_an_answer_holds(container, serving):
    rows, expected = trained(container, load_wine, objective="multi:softprob", num_class=3)
    keys = "predicted_label,labels,probability,probabilities,predicted_score"
    endpoint = serving(container, *XGBOOST, SAGEMAKER_INFERENCE_OUTPUT=keys)
    first = json.loads(endpoint.invoke(csv(rows[:1]), Accept="application/json").body)["predictions"][0]
    assert first["predicted_label"] == int(np.argmax(expected[0]))
    assert first["labels"] == [0, 1, 2]
    assert first["probability"] == max(first["probabilities"])
    np.testing.assert_allclose(first["probabilities"], expected[0], rtol=1e-6)
    assert np.isnan(first["predicted_score"])
    assert endpoint.invoke(csv(rows[:1])).body.startswith(b'0,"[0, 1, 2]",')


def test_a_model_of_the_best_round_is_cut_there(container, serving):
    features, labels = load_breast_cancer(return_X_y=True)
    matrix = xgboost.DMatrix(features, labels)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 9)
    booster.set_attr(best_iteration="2")
    container.model.mkdir(parents=True)
    (container.model / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    expected = booster.predict(matrix, iteration_range=(0, 3))[:1].tolist()
    assert [float(serving(container, *XGBOOST).invoke(csv(features[:1])).body)] == expected


@pytest.mark.parametrize("form", ["json", "pickle"])
def test_models_of_other_formats_and_names_are_loaded(container, cancer, serving, form):
    rows, expected = cancer
    usual = container.model / "xgboost-model"
    booster = xgboost.Booster(model_file=bytearray(usual.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = pickle.dumps(booster) if form == "pickle" else bytes(booster.save_raw("json"))
    (container.model / "mine.bin").write_bytes(content)
    usual.unlink()
    answer = serving(container, *XGBOOST).invoke(csv(rows))
    assert [float(line) for line in answer.body.decode().splitlines()] == expected.tolist()


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "message"),
    [
        ("1,2", "text/csv", "*/*", 400, "Feature size of csv inference data 2 is not consistent with feature size"),
        ("31:4", "text/libsvm", "*/*", 400, "Feature size of libsvm inference data 32 is larger than feature size"),
        ("1,a", "text/csv", "*/*", 415, "Loading csv data failed with Exception, please ensure data is in csv format"),
        ("1,2\n1", "text/csv", "*/*", 415, "the rows have different numbers of fields"),
        ("a:b", "text/libsvm", "*/*", 415, "Loading libsvm data failed with Exception"),
        ("-1:2", "text/libsvm", "*/*", 415, "Loading libsvm data failed with Exception"),
        ("{}", "application/json", "*/*", 415, "Content-type application/json is not supported."),
        ("x", "application/x-recordio-protobuf", "*/*", 415, "is not supported."),
        ("1,2", "text/csv", "image/png", 406, "Accept type image/png is not supported."),
        ("", "text/csv", "*/*", 204, ""),
    ],
)
def test_what_cannot_be_answered_is_refused_as_the_container_refuses(
    container, cancer, serving, body, content_type, accept, status, message
):
    answer = serving(container, *XGBOOST).invoke(body, content_type, Accept=accept)
    assert answer.status == status
    assert message in answer.body.decode()


def test_a_large_batch_is_predicted_outside_the_event_loop(container, cancer, serving):
    rows, expected = cancer
    answer = serving(container, *XGBOOST).invoke(csv(np.tile(rows, (2000, 1))))
    assert [float(line) for line in answer.body.decode().splitlines()] == expected.tolist() * 2000


def test_a_model_that_cannot_be_loaded_ends_the_server(container, serving):
    container.model.mkdir(parents=True)
    (container.model / "xgboost-model").write_bytes(b"{not a model")
    endpoint = serving(container, *XGBOOST, ready=False)
    assert endpoint.process.wait(30) == 1
    assert "Unable to load model" in endpoint.stop()


def test_requests_answered_together_get_the_answers_they_get_alone(container, cancer):
    rows, _ = cancer
    model = loader(container.model, {"CLARY_ACCELERATION": "off"})()
    plain = [Request("POST", "/invocations", {}, csv(rows[start:]).encode()) for start in range(ROWS)]
    odd = [
        Request("POST", "/invocations", {"accept": "application/json"}, csv(rows[:2]).encode()),
        Request("POST", "/invocations", {"content-type": "text/libsvm"}, b"0:1.5 3:2"),
        Request("POST", "/invocations", {}, b""),
        Request("POST", "/invocations", {}, b"1,2"),
        Request("POST", "/invocations", {}, b"a,b"),
        Request("POST", "/invocations", {"accept": "image/png"}, csv(rows).encode()),
    ]
    assert model.together_max > 1
    for requests in (plain, odd, [*odd, *plain], odd[2:]):
        assert model.answer_together(requests) == [model.answer(request) for request in requests]

"""Built-in XGBoost trains as AWS's container does: data in, lines of metrics, a model out, failures in AWS's words."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import accuracy_score, f1_score

from clary_runtime.algorithms.xgboost import training
from clary_runtime.algorithms.xgboost.hyperparameters import settings
from clary_runtime.errors import ClientError
from clary_runtime.layout import Layout

METRICS = Path(__file__).parents[3] / "src/clary_runtime/algorithms/xgboost_metrics.json"
XGBOOST = ("--algorithm", "xgboost")


def csv(features, labels) -> str:
    return "\n".join(
        ",".join(map(repr, [float(label), *map(float, row)])) for row, label in zip(features, labels, strict=True)
    )


def libsvm(features, labels) -> str:
    rows = (" ".join(f"{at}:{value!r}" for at, value in enumerate(map(float, row))) for row in features)
    return "\n".join(f"{float(label)!r} {row}" for row, label in zip(rows, labels, strict=True))


@pytest.fixture
def cancer(container):
    """Return a binary job, trained on two files, validated on one."""
    features, labels = load_breast_cancer(return_X_y=True)
    container.data("train", csv(features[:200], labels[:200]), "a.csv")
    container.data("train", csv(features[200:400], labels[200:400]), "part/b.csv")
    container.data("validation", csv(features[400:], labels[400:]))
    container.config("inputdataconfig", {name: {"ContentType": "text/csv"} for name in ("train", "validation")})
    container.hyperparameters(num_round=8, objective="binary:logistic", eta=0.3, max_depth=3)
    return container


def series(log: str, name: str) -> list[float]:
    """Return a metric as the platform reads it: by the shipped regular expressions."""
    regex = next(entry["Regex"] for entry in json.loads(METRICS.read_text()) if entry["Name"] == name)
    return [float(found[1]) for line in log.splitlines() if (found := re.match(regex, line))]


def test_the_model_is_the_one_the_library_trains_on_the_same_rows(cancer):
    code, log = cancer.train(*XGBOOST)
    assert code == 0, log
    features, labels = load_breast_cancer(return_X_y=True)
    params = {"objective": "binary:logistic", "eta": 0.3, "max_depth": 3, "nthread": 1}
    expected = xgboost.train(params, xgboost.DMatrix(features[:400], labels[:400]), 8)
    trained = xgboost.Booster(model_file=bytearray((cancer.model / "xgboost-model").read_bytes()))
    held_out = xgboost.DMatrix(features[400:])
    np.testing.assert_array_equal(trained.predict(held_out), expected.predict(held_out))


def test_metrics_are_logged_in_the_form_the_metric_definitions_match(cancer):
    cancer.hyperparameters(num_round=5, objective="binary:logistic", eval_metric="auc,logloss,accuracy,f1,f1_binary")
    _, log = cancer.train(*XGBOOST)
    assert re.search(r"^\[0\]#011train-auc:0\.\d{5}#011train-logloss:0\.\d{5}#011train-accuracy:", log, re.MULTILINE)
    for name in ("train:auc", "validation:logloss", "validation:accuracy", "validation:f1", "validation:f1_binary"):
        assert len(series(log, name)) == 5
    assert series(log, "train:logloss")[-1] < series(log, "train:logloss")[0]


def test_the_containers_own_metrics_agree_with_scikit_learn(cancer):
    cancer.hyperparameters(num_round=3, objective="binary:logistic", eval_metric="accuracy,f1,f1_binary")
    _, log = cancer.train(*XGBOOST)
    features, labels = load_breast_cancer(return_X_y=True)
    booster = xgboost.Booster(model_file=bytearray((cancer.model / "xgboost-model").read_bytes()))
    guesses = booster.predict(xgboost.DMatrix(features[400:])) > 0.5
    assert series(log, "validation:accuracy")[-1] == pytest.approx(accuracy_score(labels[400:], guesses), abs=1e-5)
    assert series(log, "validation:f1")[-1] == pytest.approx(f1_score(labels[400:], guesses, average="macro"), abs=1e-5)
    assert series(log, "validation:f1_binary")[-1] == pytest.approx(f1_score(labels[400:], guesses), abs=1e-5)


def test_several_classes_are_learnt_with_num_class(container):
    features, labels = load_wine(return_X_y=True)
    container.data("train", csv(features, labels))
    container.hyperparameters(num_round=5, objective="multi:softprob", num_class=3, eval_metric="mlogloss,accuracy")
    code, log = container.train(*XGBOOST)
    assert code == 0, log
    assert series(log, "train:accuracy")[-1] > 0.95


@pytest.mark.parametrize("content_type", ["text/libsvm", "libsvm", "text/x-libsvm", None])
def test_libsvm_is_read_and_recognised_when_no_content_type_says_so(container, content_type):
    features, labels = load_diabetes(return_X_y=True)
    container.data("train", libsvm(features, labels), "strange name #1?.txt")
    container.config("inputdataconfig", {"train": {"ContentType": content_type} if content_type else {}})
    container.hyperparameters(num_round=4)
    code, log = container.train(*XGBOOST)
    assert code == 0, log
    assert series(log, "train:rmse")[-1] < 100


def test_weights_are_read_from_the_second_column_when_asked_for(container):
    features, labels = load_diabetes(return_X_y=True)
    weights = np.linspace(0.1, 2, len(labels))
    container.data("train", csv(np.column_stack([weights, features]), labels))
    container.hyperparameters(num_round=4, csv_weights=1)
    code, log = container.train(*XGBOOST)
    assert code == 0, log
    matrix = xgboost.DMatrix(features.astype("float32"), labels, weight=weights)
    expected = xgboost.train({"nthread": 1}, matrix, 4).predict(matrix)
    trained = xgboost.Booster(model_file=bytearray((container.model / "xgboost-model").read_bytes()))
    np.testing.assert_allclose(trained.predict(matrix), expected, rtol=1e-4)


def test_an_empty_field_is_a_missing_value(container):
    container.data("train", "\n".join(["1,,2", "0,3,", "1,4,5", "0,,1"] * 20))
    container.hyperparameters(num_round=2, objective="binary:logistic")
    code, log = container.train(*XGBOOST)
    assert code == 0, log
    assert "Train matrix has 80 rows and 2 columns" in log


def test_training_stops_early_and_keeps_the_best_round(cancer):
    cancer.hyperparameters(
        num_round=500, objective="binary:logistic", eta=0.9, early_stopping_rounds=3, eval_metric="logloss"
    )
    _, log = cancer.train(*XGBOOST)
    losses = series(log, "validation:logloss")
    trained = xgboost.Booster(model_file=bytearray((cancer.model / "xgboost-model").read_bytes()))
    assert len(losses) < 500
    assert trained.num_boosted_rounds() == int(np.argmin(losses)) + 1


def test_a_job_goes_on_from_its_newest_checkpoint_and_keeps_few(cancer):
    (cancer.root / "checkpoints").mkdir()
    cancer.train(*XGBOOST)
    kept = sorted(path.name for path in (cancer.root / "checkpoints").iterdir())
    assert kept == [f"xgboost-checkpoint.{number}" for number in (3, 4, 5, 6, 7)]
    whole = (cancer.model / "xgboost-model").read_bytes()
    for number in (4, 5, 6, 7):
        (cancer.root / "checkpoints" / f"xgboost-checkpoint.{number}").unlink()
    _, log = cancer.train(*XGBOOST)
    assert "Resuming from iteration 4" in log
    assert [int(found) for found in re.findall(r"^\[(\d+)\]#011", log, re.MULTILINE)] == [4, 5, 6, 7]
    assert (cancer.model / "xgboost-model").read_bytes() == whole


def test_sigterm_ends_the_job_and_saves_the_model_when_asked_to(cancer):
    cancer.hyperparameters(num_round=1_000_000, objective="binary:logistic", save_model_on_termination="true")
    with cancer.start("train", *XGBOOST) as process:
        assert any(line.startswith("[3]#011") for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    trained = xgboost.Booster(model_file=bytearray((cancer.model / "xgboost-model").read_bytes()))
    assert trained.num_boosted_rounds() > 3


def test_sigterm_ends_the_job_without_a_model_otherwise(cancer):
    cancer.hyperparameters(num_round=1_000_000, objective="binary:logistic")
    with cancer.start("train", *XGBOOST) as process:
        assert any(line.startswith("[3]#011") for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGTERM
    assert not (cancer.model / "xgboost-model").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_round": "0"}, "Hyperparameter num_round: value 0 not in range [1, inf)"),
        ({"num_round": "two"}, "Hyperparameter num_round: could not parse value"),
        ({"num_round": 1, "depth": 3}, "Extraneous hyperparameter found: depth"),
        ({"num_round": 1, "subsample": 0}, "Hyperparameter subsample: value 0.0 not in range (0, 1]"),
        ({"num_round": 1, "objective": "multi:softmax"}, "Require input for parameter 'num_class'"),
        ({"num_round": 1, "num_class": 2}, "Do not need to setup parameter 'num_class'"),
        ({"num_round": 1, "eval_metric": "speed"}, "Hyperparameter eval_metric: value speed not in range"),
        ({"num_round": 1, "eval_metric": "rmse@3"}, "Metric 'rmse' is not supported. Parameter 'eval_metric'"),
        ({"num_round": 1, "eval_metric": "error@x"}, "Threshold value 't' in 'error@t' expects float input."),
        ({"num_round": 1, "monotone_constraints": "(1,"}, "monotone_constraints: could not parse value"),
    ],
)
def test_a_wrong_hyperparameter_is_refused_in_the_words_of_the_container(changed, message):
    with pytest.raises(ClientError) as refused:
        settings({name: str(value) for name, value in changed.items()})
    assert message in str(refused.value)


def test_a_refusal_is_left_for_the_platform_to_read(container):
    container.data("train", "1,2\n0,3\n")
    container.hyperparameters(eta=0.1)
    code, log = container.train(*XGBOOST)
    assert code == 1
    assert container.failure == "ClientError: Missing required hyperparameter: num_round"
    assert container.failure in log
    assert not container.model.exists()


@pytest.mark.parametrize(
    ("text", "content_type", "message"),
    [
        ("", "text/csv", "No data in channel 'train'"),
        ("label,a,b\n1,2,3\n", "text/csv", "First line 'label,a,b...' of file 'data.csv' is not 'CSV' format."),
        ("1,2,3\n1,2\n", "text/csv", "Failed to load csv data with exception:"),
        ("1,2,3\n1,x,3\n", "text/csv", "Failed to load csv data with exception:"),
        ("1\n0\n", "text/csv", "the first must be the label"),
        ("1,2,3\n", "text/libsvm", "First line '1,2,3...' of file 'data.csv' is not 'LIBSVM' format."),
        ("1,2,3\n0,inf,3\n", "text/csv", "Input data contains `inf`"),
        ("1,2,3\n", "application/x-parquet", "Failed to load parquet data with exception:"),
        ("1,2,3\n", "image/png", "image/png is not an accepted ContentType"),
        ("1,2,3\n", "text/csv; label_size=2", "Optional parameter label_size must be equal to 1"),
        ("5,2,3\n0,1,1\n", "text/csv", "label must be in [0,1] for logistic regression"),
    ],
)
def test_wrong_data_is_refused_in_the_words_of_the_container(container, text, content_type, message):
    container.data("train", text)
    container.config("inputdataconfig", {"train": {"ContentType": content_type}})
    container.hyperparameters(num_round=1, objective="binary:logistic")
    with pytest.raises(ClientError) as refused:
        training.train(Layout(container.root), cpus=1)
    assert message in str(refused.value)


def test_a_job_without_a_train_channel_is_refused(container):
    container.config("inputdataconfig", {"validation": {}})
    container.hyperparameters(num_round=1)
    assert container.train(*XGBOOST)[0] == 1
    assert container.failure == "ClientError: Missing required channel: train"


@pytest.mark.parametrize(
    ("hyperparameters", "metric"),
    [
        ({"booster": "gblinear", "alpha": "0.1"}, "rmse"),
        ({"booster": "dart", "rate_drop": "0.1", "sample_type": "weighted"}, "rmse"),
        ({"objective": "reg:tweedie", "tweedie_variance_power": "1.4", "eval_metric": "mae"}, "mae"),
        ({"objective": "count:poisson", "max_delta_step": "0.7"}, "poisson-nloglik"),
        ({"objective": "reg:linear", "tree_method": "exact", "monotone_constraints": "(1,0,0,0,0,0,0,0,0,0)"}, "rmse"),
        ({"interaction_constraints": "[[0,1],[2,3]]", "grow_policy": "lossguide", "max_leaves": "8"}, "rmse"),
        (
            {"objective": '"reg:squarederror"', "reg_lambda": "2", "learning_rate": "0.1", "eval_metric": "mse,r2"},
            "mse",
        ),
        ({"sketch_eps": "0.03", "deterministic_histogram": "true", "predictor": "cpu_predictor"}, "rmse"),
    ],
)
def test_documented_hyperparameters_reach_the_library(container, hyperparameters, metric):
    features, labels = load_diabetes(return_X_y=True)
    container.data("train", csv(features, labels))
    container.hyperparameters(num_round=3, **hyperparameters)
    code, log = container.train(*XGBOOST)
    assert code == 0, log
    values = series(log, f"train:{metric}")
    assert len(values) == 3
    assert values[-1] < values[0]

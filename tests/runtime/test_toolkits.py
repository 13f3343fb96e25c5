"""Scripts written against AWS's toolkits run unchanged."""

from __future__ import annotations

import json

import numpy as np
import xgboost
from sklearn.datasets import load_diabetes

ABALONE = """
import argparse, json, os, pickle
from sagemaker_containers import entry_point
from sagemaker_xgboost_container import distributed
from sagemaker_xgboost_container import encoder as xgb_encoders
from sagemaker_xgboost_container.data_utils import get_dmatrix
import xgboost

def train_job(params, dtrain, model_dir, is_master):
    booster = xgboost.train(params, dtrain, 3)
    pickle.dump(booster, open(os.path.join(model_dir, "xgboost-model"), "wb"))

if __name__ == "__main__":
    args = json.loads(os.environ["SM_HPS"])
    dtrain = get_dmatrix(os.environ["SM_CHANNEL_TRAIN"], "libsvm")
    params = {"max_depth": args["max_depth"], "nthread": 1}
    arguments = {"params": params, "dtrain": dtrain, "model_dir": os.environ["SM_MODEL_DIR"]}
    distributed.rabit_run(
        exec_fun=train_job, args={**arguments, "is_master": True}, include_in_training=dtrain is not None,
        hosts=json.loads(os.environ["SM_HOSTS"]), current_host=os.environ["SM_CURRENT_HOST"], update_rabit_args=True,
    )

def model_fn(model_dir):
    return pickle.load(open(os.path.join(model_dir, "xgboost-model"), "rb"))

def input_fn(body, content_type):
    assert content_type == "text/libsvm"
    return xgb_encoders.libsvm_to_dmatrix(body)

def predict_fn(data, model):
    return model.predict(data)

def output_fn(prediction, accept):
    from sagemaker_containers.beta.framework import encoders, worker
    return worker.Response(encoders.encode(prediction, "text/csv"), "text/csv", 201)
"""
SCALER = """
from sagemaker_inference import content_types, decoder, encoder, errors
def model_fn(model_dir):
    return 10
def input_fn(body, content_type):
    if content_type not in (content_types.CSV, content_types.NPY):
        raise errors.UnsupportedFormatError(content_type)
    return decoder.decode(body, content_type)
def predict_fn(data, model):
    return data * model
def output_fn(prediction, accept):
    return encoder.encode(prediction, accept)
"""


def libsvm(features, labels) -> str:
    rows = (" ".join(f"{at}:{value!r}" for at, value in enumerate(map(float, row))) for row in features)
    return "\n".join(f"{float(label)!r} {row}" for row, label in zip(rows, labels, strict=True))


def test_awss_example_of_an_xgboost_script_trains_and_serves(container, serving):
    features, labels = load_diabetes(return_X_y=True)
    body = libsvm(features, labels)
    container.data("train", body)
    container.config("inputdataconfig", {"train": {}})
    container.hyperparameters(sagemaker_program='"abalone.py"', sagemaker_submit_directory='"s3://b/k"', max_depth=3)
    archive = container.archive(abalone__py=ABALONE)
    code, log = container.train("--framework", "xgboost", CLARY_SUBMIT_ARCHIVE=archive)
    assert code == 0, log
    named = {
        "SAGEMAKER_PROGRAM": "abalone.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/k",
        "CLARY_SUBMIT_ARCHIVE": archive,
    }
    answer = serving(container, "--framework", "xgboost", **named).invoke(body, "text/libsvm")
    assert (answer.status, answer.headers["content-type"]) == (201, "text/csv")
    matrix = xgboost.DMatrix(features.astype("float32"), labels)
    expected = xgboost.train({"max_depth": 3, "nthread": 1}, matrix, 3).predict(matrix)
    np.testing.assert_allclose([float(line) for line in answer.body.split()], expected, rtol=1e-4)


def test_the_inference_toolkits_encoders_and_errors_are_there(container, serving):
    named = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/k"}
    archive = container.archive(inference__py=SCALER)
    endpoint = serving(container, "--framework", "sklearn", CLARY_SUBMIT_ARCHIVE=archive, **named)
    assert json.loads(endpoint.invoke("1,2\n3,4", Accept="application/json").body) == [[10, 20], [30, 40]]
    assert endpoint.invoke("x", "image/png").status == 415

"""A customer's inference script answers as in AWS's framework images."""

from __future__ import annotations

import http.client
import io
import json
import pickle
from types import ModuleType

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from clary_runtime.scripts.context import Context
from clary_runtime.scripts.defaults import DEFAULTS
from clary_runtime.scripts.hosting import functions

SKLEARN = ("--framework", "sklearn")
LARGEST = """
class LargestColumn:
    def predict(self, rows):
        return rows.argmax(axis=1)
def model_fn(model_dir):
    return LargestColumn()
"""
ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [1.0, 2.0, 3.5, 3.25], [0.0, 7.5, 1.0, -2.0]])
EXPECTED = [0, 2, 1]


def hosted(container, serving, script: str, *arguments: str, ready: bool = True, **further: str):
    """Serve a script as the SageMaker SDK deploys it: from a source archive in S3."""
    environ = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/model/sourcedir.tar.gz",
        "CLARY_SUBMIT_ARCHIVE": container.archive(inference__py=script),
    }
    return serving(container, *(arguments or SKLEARN), ready=ready, **{**environ, **further})


def csv(rows) -> str:
    return "\n".join(",".join(repr(float(value)) for value in row) for row in rows)


def npy(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def test_the_default_handlers_read_and_write_every_documented_format(container, serving):
    endpoint = hosted(container, serving, LARGEST)
    bodies = {
        "text/csv": csv(ROWS),
        "application/json": json.dumps(ROWS.tolist()),
        "application/jsonlines": "\n".join(json.dumps(row) for row in ROWS.tolist()),
        "application/x-npy": npy(ROWS),
    }
    for content_type, body in bodies.items():
        answer = endpoint.invoke(body, content_type)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer.body
        assert json.loads(answer.body) == EXPECTED
    answer = endpoint.invoke(npy(ROWS), "application/x-npy", Accept="application/x-npy")
    np.testing.assert_array_equal(np.load(io.BytesIO(answer.body)), EXPECTED)
    assert endpoint.invoke(csv(ROWS), Accept="text/csv").body.decode().split() == [str(value) for value in EXPECTED]


def test_a_scikit_learn_model_predicts_what_it_predicts_offline(container, serving):
    features, labels = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(features, labels)
    container.model.mkdir(parents=True)
    (container.model / "model.pkl").write_bytes(pickle.dumps(model))
    script = "import os, pickle\ndef model_fn(d):\n    return pickle.load(open(os.path.join(d, 'model.pkl'), 'rb'))\n"
    answer = hosted(container, serving, script).invoke(npy(features), "application/x-npy")
    assert json.loads(answer.body) == model.predict(features).tolist()


def test_one_csv_row_is_a_table_too(container, serving):
    assert json.loads(hosted(container, serving, LARGEST).invoke(csv(ROWS[:1])).body) == EXPECTED[:1]


def test_the_default_answer_format_can_be_chosen(container, serving):
    endpoint = hosted(container, serving, LARGEST, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    assert endpoint.invoke(csv(ROWS)).headers["content-type"] == "text/csv"


def test_the_scripts_own_functions_are_used(container, serving):
    script = LARGEST + (
        "def input_fn(body, content_type):\n    assert content_type == 'text/plain' and isinstance(body, bytes)\n"
        "    return [[float(x) for x in body.split()]]\n"
        "def predict_fn(data, model):\n    return model.predict(__import__('numpy').array(data))\n"
        "def output_fn(prediction, accept):\n    return f'{prediction[0]}', 'text/x-mine'\n"
    )
    answer = hosted(container, serving, script).invoke("5.1 3.5 1.4 0.2", "text/plain")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"0", "text/x-mine")


def test_transform_fn_does_it_all(container, serving):
    script = LARGEST + "def transform_fn(model, body, content_type, accept):\n    return body.upper(), 'text/plain'\n"
    assert hosted(container, serving, script).invoke("abc", "text/csv").body == b"ABC"


def test_custom_attributes_travel_both_ways_through_the_context(container, serving):
    script = LARGEST + (
        "def input_fn(body, content_type, context):\n"
        "    context.set_response_header(0, 'X-Amzn-SageMaker-Custom-Attributes',\n"
        "        'seen ' + context.get_request_header(0, 'X-Amzn-SageMaker-Custom-Attributes'))\n"
        "    return __import__('numpy').ones((1, 4))\n"
    )
    answer = hosted(container, serving, script).invoke("x", X_Amzn_SageMaker_Custom_Attributes="trace-1")
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "seen trace-1"


def test_code_inside_the_model_is_found(container, serving):
    (container.model / "code").mkdir(parents=True)
    (container.model / "code" / "inference.py").write_text(LARGEST)
    further = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    assert json.loads(serving(container, *SKLEARN, **further).invoke(csv(ROWS)).body) == EXPECTED
    assert json.loads(serving(container, *SKLEARN).invoke(csv(ROWS)).body) == EXPECTED


@pytest.mark.parametrize(
    ("content_type", "accept", "status", "named"),
    [("image/png", "*/*", 415, "image/png"), ("text/csv", "image/png", 406, "image/png")],
)
def test_formats_no_handler_knows_are_refused_in_aws_words(container, serving, content_type, accept, status, named):
    answer = hosted(container, serving, LARGEST).invoke(csv(ROWS), content_type, Accept=accept)
    assert answer.status == status
    assert f"Content type {named} is not supported by this framework." in answer.body.decode()


def test_an_exception_is_a_500_with_its_message_and_a_traceback_in_the_log(container, serving):
    script = LARGEST + "def predict_fn(data, model):\n    raise RuntimeError('bad day')\n"
    endpoint = hosted(container, serving, script)
    answer = endpoint.invoke("1,2,3,4")
    assert (answer.status, answer.body) == (500, b"RuntimeError: bad day")
    assert endpoint.call("GET", "/ping").status == 200
    log = endpoint.stop()
    assert "Traceback (most recent call last):" in log
    assert '"POST /invocations" 500' in log


def test_scikit_learn_needs_a_model_fn(container, serving):
    endpoint = hosted(container, serving, "", ready=False)
    assert endpoint.process.wait(30) == 1
    assert "Please provide a model_fn implementation." in endpoint.stop()


def test_xgboost_has_a_default_for_everything(container, serving):
    features, labels = load_iris(return_X_y=True)
    params = {"objective": "multi:softprob", "num_class": 3, "nthread": 1}
    booster = xgboost.train(params, xgboost.DMatrix(features, labels), 3)
    container.model.mkdir(parents=True)
    (container.model / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    endpoint = hosted(container, serving, "", "--framework", "xgboost")
    expected = booster.predict(xgboost.DMatrix(features[:2]))
    sparse = "\n".join("0 " + " ".join(f"{at}:{value}" for at, value in enumerate(row)) for row in features[:2])

    def predict_as_expected() -> None:
        for body, content_type in ((csv(features[:2]), "text/csv"), (sparse, "text/libsvm")):
            told = json.loads(endpoint.invoke(body, content_type).body)
            np.testing.assert_allclose(told, expected, rtol=1e-6)

    predict_as_expected()
    assert any("Acceleration: on" in line for line in endpoint.process.stdout)
    predict_as_expected()
    missing = np.array([features[0]])
    missing[0, 1] = np.nan
    told = json.loads(endpoint.invoke(csv(missing)).body)
    np.testing.assert_allclose(told, booster.predict(xgboost.DMatrix(missing)), rtol=1e-6)


def test_ping_answers_while_predictions_run(container, serving):
    script = LARGEST + (
        "import threading\ngate = threading.Event()\n"
        "def predict_fn(data, model):\n    assert gate.wait(30)\n    return data\n"
        "def input_fn(body, content_type):\n    gate.set() if body == 'open' else None\n    return body\n"
    )
    endpoint = hosted(container, serving, script, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    waiting = endpoint.connect()
    request = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 1\r\n\r\n1"
    waiting.sendall(request)
    assert endpoint.call("GET", "/ping").status == 200
    assert endpoint.invoke("open").body == b'"open"'
    assert waiting.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_transform_fn_excludes_the_other_functions():
    module = ModuleType("mine")
    module.transform_fn = lambda model, body, content_type, accept: body
    module.predict_fn = lambda data, model: data
    with pytest.raises(ValueError, match="Cannot use transform_fn implementation in conjunction with"):
        functions(module, DEFAULTS["sklearn"])


def test_a_function_with_too_many_parameters_is_named():
    module = ModuleType("mine")
    exec("def predict_fn(a, b, c, d): pass", module.__dict__)
    with pytest.raises(TypeError, match="predict_fn takes 4 arguments; it must take 2, or 3 with the context"):
        functions(module, DEFAULTS["sklearn"])


def test_model_fn_may_ask_for_the_context():
    module = ModuleType("mine")
    module.model_fn = lambda model_dir, context: (model_dir, context)
    context = Context({})
    assert functions(module, DEFAULTS["sklearn"])[0]("folder", context) == ("folder", context)


TOGETHER = """
import os, time
BATCH_SIZE = 8
def model_fn(folder):
    return None
def predict_fn(rows, model):
    while not os.path.exists(os.environ["SM_MODEL_DIR"] + "/go"):
        time.sleep(0.01)
    print("rows", len(rows), flush=True)
    if (rows == 13).any():
        raise ValueError("thirteen")
    return rows.sum(axis=1)
"""


def together(container, endpoint, *bodies: str):
    """Return the answers to requests that are all there before the first of them is answered."""
    clients = []
    for body in bodies:
        clients.append(http.client.HTTPConnection("localhost"))
        clients[-1].sock = endpoint.connect()
        clients[-1].request("POST", "/invocations", body, {"Content-Type": "text/csv", "Accept": "text/csv"})
    assert endpoint.call("GET", "/ping").status == 200, "by now what was sent before has been read"
    (container.model / "go").touch()
    return [endpoint.received(client) for client in clients]


def test_a_script_that_declares_a_batch_size_gets_waiting_requests_stacked(container, serving):
    container.model.mkdir(parents=True)
    endpoint = hosted(container, serving, TOGETHER)
    first, *others = together(container, endpoint, "1,1", *(f"{n},1\n{n},2" for n in range(8)))
    assert first.body == b"2.0\n"
    assert [other.body for other in others] == [f"{n + 1}.0\n{n + 2}.0\n".encode() for n in range(8)]
    rows = [int(line.split()[1]) for line in endpoint.stop().splitlines() if line.startswith("rows ")]
    assert rows == [1, 16]


def test_a_request_that_spoils_a_batch_spoils_only_its_own_answer(container, serving):
    container.model.mkdir(parents=True)
    endpoint = hosted(container, serving, TOGETHER)
    replies = together(container, endpoint, *(f"{n},1" for n in range(10, 16)))
    assert [reply.status for reply in replies] == [200, 200, 200, 500, 200, 200]


def test_an_impossible_batch_size_is_told_when_the_model_is_loaded(container, serving):
    endpoint = hosted(container, serving, "BATCH_SIZE = 0\ndef model_fn(folder): pass", ready=False)
    assert "BATCH_SIZE must be a whole number from 1 to 1024, not 0" in endpoint.process.communicate(timeout=30)[0]


def test_a_scikit_learn_models_short_way_is_taken_and_told(container, serving):
    from sklearn.linear_model import LogisticRegression

    container.model.mkdir(parents=True)
    model = LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    (container.model / "model.pkl").write_bytes(pickle.dumps(model))
    script = (
        "import os, pickle\ndef model_fn(folder): return pickle.load(open(os.path.join(folder, 'model.pkl'), 'rb'))"
    )
    endpoint = hosted(container, serving, script)
    assert endpoint.invoke("0,1\n1,0", Accept="text/csv").body == b"0\n1\n"
    assert any("Acceleration: on" in line for line in endpoint.process.stdout)
    assert endpoint.invoke("0,1\n1,0", Accept="text/csv").body == b"0\n1\n"
    assert endpoint.invoke("nan,1", Accept="text/csv").status == 500


STREAMS = """
import threading
GATE = threading.Event()
def model_fn(model_dir):
    return None
def input_fn(body, content_type):
    return body.decode() if isinstance(body, bytes) else body
def predict_fn(data, model):
    if data == "open":
        GATE.set()
        return ["opened"]
    return words(data)
def words(data):
    if data == "never":
        raise ValueError("nothing to say")
    yield "first "
    if data == "broken":
        raise ValueError("no more to say")
    GATE.wait(30)
    yield b"second"
"""


def streamed(endpoint, body: str) -> http.client.HTTPResponse:
    """Return the answer to a request as soon as its head is there."""
    client = http.client.HTTPConnection("localhost")
    client.sock = endpoint.connect()
    client.request("POST", "/invocations", body, {"Content-Type": "text/plain"})
    return client.getresponse()


def test_what_a_generator_yields_is_sent_as_it_is_made(container, serving):
    endpoint = hosted(container, serving, STREAMS)
    with streamed(endpoint, "wait") as answer:
        assert answer.getheader("transfer-encoding") == "chunked"
        assert answer.read(6) == b"first "
        assert json.loads(endpoint.invoke("open", "text/plain").body) == ["opened"]
        assert answer.read() == b"second"


def test_a_generator_that_fails_at_once_is_an_error_and_one_that_fails_later_cuts_its_answer_short(container, serving):
    endpoint = hosted(container, serving, STREAMS)
    with streamed(endpoint, "never") as answer:
        assert answer.status == 500
        assert b"nothing to say" in answer.read()
    with streamed(endpoint, "broken") as answer, pytest.raises(http.client.IncompleteRead):
        answer.read()

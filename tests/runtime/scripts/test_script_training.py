"""A customer's training script runs as AWS's sagemaker-training toolkit runs it."""

from __future__ import annotations

import dataclasses
import io
import json
import signal
import tarfile
import zipfile
from pathlib import Path

import pytest

from clary_runtime.errors import ClientError
from clary_runtime.scripts.failures import error_message
from clary_runtime.scripts.sources import unpack

SOURCE = Path(__file__).parents[3] / "src"
SKLEARN = ("--framework", "sklearn")
THREADS = """
import numpy, xgboost
from sklearn.ensemble import HistGradientBoostingClassifier
drawn = numpy.random.default_rng(0).normal(size=(4000, 8))
told = (drawn[:, 0] > drawn[:, 1]).astype(int)
model = HistGradientBoostingClassifier(max_iter=20).fit(drawn, told)
booster = xgboost.train({"nthread": 2, "objective": "binary:logistic"}, xgboost.DMatrix(drawn, told), 10)
print((drawn @ drawn.T).shape, model.score(drawn, told) > 0.9, booster.num_boosted_rounds())
"""
EARLY = """
import os, signal
from clary_runtime.scripts import training
start = training._started
def started(*arguments, **named):
    process = start(*arguments, **named)
    os.kill(os.getpid(), signal.SIGTERM)  # before anybody could have said what becomes of it
    return process
training._started = started
"""
REPORT = """
import json, os, sys
told = {name: value for name, value in os.environ.items() if name.startswith("SM_")}
with open(os.path.join(os.environ["SM_MODEL_DIR"], "report.json"), "w") as out:
    json.dump({"argv": sys.argv[1:], "env": told, "cwd": os.getcwd()}, out)
"""


@pytest.fixture(params=["new", "forked"])
def container(request, container):
    """Scripts run in new processes, and in forks of one that has imported what they import."""
    return dataclasses.replace(container, warm="numpy, joblib" if request.param == "forked" else "")


def submit(container, program="train.py", files=None, **hyperparameters) -> dict[str, str]:
    """Describe a job as the SageMaker SDK does; the environment the platform adds."""
    container.hyperparameters(
        sagemaker_program=json.dumps(program),
        sagemaker_submit_directory=json.dumps("s3://bucket/job/source/sourcedir.tar.gz"),
        sagemaker_container_log_level="20",
        sagemaker_job_name=json.dumps("job-1"),
        sagemaker_region=json.dumps("eu-west-1"),
        **{name: json.dumps(value) for name, value in hyperparameters.items()},
    )
    return {"CLARY_SUBMIT_ARCHIVE": container.archive(**(files or {}))}


def report(container) -> dict:
    return json.loads((container.model / "report.json").read_text())


def test_a_script_is_told_what_the_toolkit_tells(container):
    container.data("train", "1,2\n")
    container.config("inputdataconfig", {"train": {"ContentType": "text/csv"}, "my-test": {}})
    container.config(
        "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
    )
    further = submit(container, files={"train__py": REPORT}, epochs=3, rate=0.5, name="a b", layers=[1, 2], n=7)
    code, log = container.train(*SKLEARN, **further)
    assert code == 0, log
    found, root = report(container), str(container.root)
    assert found["argv"] == ["--epochs", "3", "--layers", "[1, 2]", "-n", "7", "--name", "a b", "--rate", "0.5"]
    assert found["cwd"] == f"{root}/code"
    env = found["env"]
    assert env["SM_CHANNEL_TRAIN"] == f"{root}/input/data/train"
    assert env["SM_CHANNEL_MY-TEST"] == f"{root}/input/data/my-test"
    assert json.loads(env["SM_CHANNELS"]) == ["my-test", "train"]
    assert json.loads(env["SM_HPS"]) == {"epochs": 3, "rate": 0.5, "name": "a b", "layers": [1, 2], "n": 7}
    assert (env["SM_HP_NAME"], env["SM_HP_EPOCHS"]) == ("a b", "3")
    assert (env["SM_MODEL_DIR"], env["SM_OUTPUT_DATA_DIR"]) == (f"{root}/model", f"{root}/output/data")
    assert (env["SM_HOSTS"], env["SM_CURRENT_HOST"], env["SM_NUM_CPUS"]) == ('["algo-1"]', "algo-1", "1")
    assert (env["SM_MODULE_NAME"], env["SM_USER_ENTRY_POINT"]) == ("train", "train.py")
    assert json.loads(env["SM_USER_ARGS"]) == found["argv"]
    assert json.loads(env["SM_TRAINING_ENV"])["job_name"] == "job-1"
    assert env["SM_FRAMEWORK_MODULE"] == "sagemaker_sklearn_container.training:main"
    assert "Invoking script with the following command:" in log
    assert "Reporting training SUCCESS" in log


def test_an_exception_becomes_the_failure_in_the_toolkits_form(container):
    script = "import sys\nprint('to the log')\nraise ValueError('no such luck')\n"
    code, log = container.train(*SKLEARN, **submit(container, files={"train__py": script}, depth=3))
    assert code == 1
    assert container.failure.startswith(
        'ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no such luck"\n'
    )
    assert container.failure.endswith(' train.py --depth 3"')
    assert "to the log" in log
    assert "Traceback (most recent call last):" in log


def test_the_scripts_exit_code_is_kept(container):
    code, _ = container.train(*SKLEARN, **submit(container, files={"train__py": "raise SystemExit(42)"}))
    assert code == 42
    assert "ExitCode 42" in container.failure


def test_libraries_with_threads_work_in_a_fork_too(container):
    container = dataclasses.replace(container, warm="sklearn.ensemble, xgboost")
    further = submit(container, files={"train__py": THREADS})
    code, log = container.train(*SKLEARN, OMP_NUM_THREADS="2", **further)
    assert "(4000, 4000) True 10" in log
    assert code == 0


def test_a_module_beside_the_script_comes_before_an_installed_one_of_its_name(container):
    files = {"train__py": "import joblib, numpy; print(joblib.MINE, numpy.float64(1))", "joblib__py": "MINE = 'mine'"}
    code, log = container.train(*SKLEARN, **submit(container, files=files))
    assert "mine 1.0" in log
    assert code == 0


def test_a_shell_script_is_an_entry_point_too(container):
    script = '#!/bin/sh\necho "$@" > "$SM_MODEL_DIR/arguments"\n'
    code, log = container.train(*SKLEARN, **submit(container, "run.sh", {"run__sh": script}, name="a b"))
    assert code == 0, log
    assert (container.model / "arguments").read_text() == "--name a b\n"


def test_sigterm_reaches_the_script_and_its_exit_code_is_kept(container):
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saving'), sys.exit(9)))\n"
        "print('ready')\n"
        "time.sleep(60)\n"
    )
    further = submit(container, files={"train__py": script})
    with container.start("train", *SKLEARN, **further) as process:
        assert any(line == "ready\n" for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=30)
        assert process.returncode == 9
    assert "saving" in log


def test_sigterm_reaches_a_script_that_has_only_just_been_started(container, tmp_path):
    (tmp_path / "early.py").write_text(EARLY)
    container = dataclasses.replace(container, warm=", ".join(filter(None, (container.warm, "early"))))
    further = submit(container, files={"train__py": "import time; time.sleep(60)"})
    code, log = container.train(*SKLEARN, PYTHONPATH=f"{SOURCE}:{tmp_path}", **further)
    assert code == 128 + signal.SIGTERM, log
    assert "ExecuteUserScriptError:\nExitCode 143\n" in container.failure


def test_modules_beside_the_script_and_provided_requirements_can_be_imported(container, tmp_path):
    (tmp_path / "provided").mkdir()
    (tmp_path / "provided" / "wanted.py").write_text("VALUE = 5")
    files = {
        "train__py": "import neighbour, wanted\nassert neighbour.VALUE + wanted.VALUE == 8",
        "neighbour__py": "VALUE = 3",
        "requirements__txt": "wanted==1\n",
    }
    further = submit(container, files=files)
    code, log = container.train(*SKLEARN, CLARY_REQUIREMENTS_DIR=str(tmp_path / "provided"), **further)
    assert code == 0, log


def test_requirements_are_installed_by_pip_when_the_platform_did_not(container, tmp_path):
    with zipfile.ZipFile(tmp_path / "wanted-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("wanted.py", "VALUE = 5")
        wheel.writestr("wanted-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: wanted\nVersion: 1\n")
        wheel.writestr("wanted-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("wanted-1.dist-info/RECORD", "")
    files = {"train__py": "import wanted\nassert wanted.VALUE == 5", "requirements__txt": "wanted==1\n"}
    further = {"PIP_FIND_LINKS": str(tmp_path), "PIP_NO_INDEX": "1", **submit(container, files=files)}
    code, log = container.train(*SKLEARN, **further)
    assert code == 0, log


def test_requirements_that_cannot_be_installed_are_the_failure(container):
    files = {"train__py": "", "requirements__txt": "no-such-package-anywhere==1\n"}
    code, _ = container.train(*SKLEARN, PIP_NO_INDEX="1", **submit(container, files=files))
    assert code == 1
    assert container.failure.startswith(
        "ClientError: Failed to run pip install\nInstallRequirementsError:\nExitCode 1\n"
    )
    assert "No matching distribution found for no-such-package-anywhere==1" in container.failure


def test_a_missing_entry_point_is_named(container):
    code, _ = container.train(*SKLEARN, **submit(container, files={"other__py": ""}))
    assert code == 1
    assert container.failure == "ClientError: The entry point train.py is not in the source; found: other.py"


def test_an_entry_point_outside_the_source_is_refused(container):
    code, _ = container.train(*SKLEARN, **submit(container, "../../etc/passwd", {"train__py": ""}))
    assert code == 1
    assert "is not in the source" in container.failure


def test_the_xgboost_image_runs_a_script_where_one_is_named_and_the_algorithm_otherwise(container):
    further = submit(container, files={"train__py": REPORT})
    assert container.train("--framework", "xgboost", **further)[0] == 0
    assert report(container)["env"]["SM_FRAMEWORK_MODULE"] == "sagemaker_xgboost_container.training:main"
    container.hyperparameters(num_round=1)
    container.data("train", "1,2\n0,3\n")
    code, log = container.train("--framework", "xgboost")
    assert code == 0, log
    assert "Running XGBoost Sagemaker in algorithm mode" in log


@pytest.mark.parametrize("name", ["../climbs", "/absolute", "folder/../../climbs"])
def test_an_archive_that_climbs_out_of_its_folder_is_refused(tmp_path, name):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    if name == "/absolute":  # the data filter strips a leading slash instead of refusing it
        unpack(tmp_path / "a.tar.gz", tmp_path / "code")
        assert (tmp_path / "code" / "absolute").exists()
        return
    with pytest.raises(ClientError, match="The source archive was refused"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "code")


def test_a_link_out_of_the_archive_is_refused(tmp_path):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(link)
    with pytest.raises(ClientError, match="The source archive was refused"):
        unpack(tmp_path / "a.tar", tmp_path / "code")


@pytest.mark.parametrize(("bytes_max", "files_max"), [(99, 10), (1000, 1)])
def test_an_archive_beyond_its_bounds_is_refused(tmp_path, bytes_max, files_max):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("one", "two"):
            member = tarfile.TarInfo(name)
            member.size = 50
            archive.addfile(member, io.BytesIO(b"x" * 50))
    with pytest.raises(ClientError, match="holds more than"):
        unpack(tmp_path / "a.tar", tmp_path / "code", bytes_max, files_max)


def test_a_truncated_archive_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("one"), io.BytesIO())
    (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:40])
    with pytest.raises(ClientError, match="could not be unpacked"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "code")


def test_the_message_of_a_failure_is_its_last_exception():
    stderr = (
        "warming up\nTraceback (most recent call last):\n  File 'a.py', line 1\n    x()\nKeyError: 'inner'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n  File 'a.py', line 3\n    y()\nmine.OwnError: first\nsecond\n"
    )
    assert error_message(stderr) == "mine.OwnError: first\n second"
    assert error_message("usage: train.py\ntrain.py: error: no\n") == "usage: train.py\n train.py: error: no"
    assert error_message("") == ""

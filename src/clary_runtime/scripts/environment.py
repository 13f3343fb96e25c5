"""What a training script is told: the `SM_*` variables and command-line arguments of AWS's sagemaker-training toolkit.

Source: sagemaker-training-toolkit, `environment.py`, `mapping.py` and `ENVIRONMENT_VARIABLES.md`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary_runtime.layout import Layout

FRAMEWORK_MODULES = {
    "sklearn": "sagemaker_sklearn_container.training:main",
    "xgboost": "sagemaker_xgboost_container.training:main",
}
PREFIX = "sagemaker_"


@dataclass(frozen=True)
class Job:
    """One host's part of a script-mode job."""

    layout: Layout
    framework: str
    cpus: int
    gpus: int
    hyperparameters: Mapping[str, Any]
    framework_parameters: Mapping[str, Any]

    @property
    def program(self) -> str:
        """The entry point, relative to the code."""
        return str(self.framework_parameters.get("sagemaker_program", ""))

    @property
    def submitted(self) -> str:
        """Where the source came from."""
        return str(self.framework_parameters.get("sagemaker_submit_directory", ""))

    @property
    def log_level(self) -> int:
        """Python's number of a log level."""
        level = self.framework_parameters.get("sagemaker_container_log_level", 20)
        return int(level) if str(level).isdigit() else 20

    @property
    def module(self) -> str:
        """The entry point's module name."""
        return self.program.removesuffix(".py").replace("/", ".")


def job(layout: Layout, framework: str, cpus: int, environ: Mapping[str, str]) -> Job:
    """Read the job the platform left under `/opt/ml/input/config`."""
    every = {name: decoded(value) for name, value in layout.hyperparameters().items()}
    ours = {name: value for name, value in every.items() if name.startswith(PREFIX)}
    theirs = {name: value for name, value in every.items() if name not in ours}
    return Job(layout, framework, cpus, int(environ.get("SM_NUM_GPUS") or 0), theirs, ours)


def decoded(value: Any) -> Any:
    """Decode a hyperparameter's JSON; what is not JSON is itself."""
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Hyperparameters as command-line arguments, in the order of their names."""
    found: list[str] = []
    for name in sorted(hyperparameters):
        found += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(hyperparameters[name])]
    return found


def _argument(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}={inner}" for key, inner in sorted(value.items()))
    return str(value)


def training_env(job: Job) -> dict[str, Any]:
    """Return the description toolkits call the training environment; also the value of `SM_TRAINING_ENV`."""
    layout, resources = job.layout, job.layout.resources()
    host = resources.get("current_host", "algo-1")
    hosts = resources.get("hosts", [host])
    return {
        "additional_framework_parameters": dict(job.framework_parameters),
        "channel_input_dirs": {name: str(layout.channel(name)) for name in layout.channels()},
        "current_host": host,
        "current_instance_group": resources.get("current_group_name", "homogeneousCluster"),
        "current_instance_type": resources.get("current_instance_type", "local"),
        "framework_module": FRAMEWORK_MODULES[job.framework],
        "hosts": hosts,
        "hyperparameters": dict(job.hyperparameters),
        "input_config_dir": str(layout.config),
        "input_data_config": layout.channels(),
        "input_dir": str(layout.input),
        "is_master": host == sorted(hosts)[0],
        "job_name": job.framework_parameters.get("sagemaker_job_name", ""),
        "log_level": job.log_level,
        "master_hostname": sorted(hosts)[0],
        "model_dir": str(layout.model),
        "module_dir": job.submitted or str(layout.code),
        "module_name": job.module,
        "network_interface_name": resources.get("network_interface_name", "eth0"),
        "num_cpus": job.cpus,
        "num_gpus": job.gpus,
        "output_data_dir": str(layout.output / "data"),
        "output_dir": str(layout.output),
        "output_intermediate_dir": str(layout.output / "intermediate"),
        "resource_config": resources,
        "user_entry_point": job.program,
    }


# Told to scripts under other names than in the description, or not at all.
_RENAMED = {"additional_framework_parameters": "framework_params", "hyperparameters": "hps"}
_UNTOLD = frozenset({"channel_input_dirs", "is_master", "job_name", "master_hostname"})


def variables(job: Job) -> dict[str, str]:
    """Every `SM_*` variable of a job."""
    described = training_env(job)
    told = {_RENAMED.get(name, name): value for name, value in described.items() if name not in _UNTOLD}
    told["channels"] = sorted(described["channel_input_dirs"])
    told["training_env"] = described
    told["user_args"] = arguments(job.hyperparameters)
    told |= {f"channel_{name}": path for name, path in described["channel_input_dirs"].items()}
    told |= {f"hp_{name}": value for name, value in job.hyperparameters.items()}
    return {f"SM_{name.upper()}": _variable(value) for name, value in told.items()}


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))

"""The hyperparameters AWS documents for built-in XGBoost: read, checked and typed, in the words of AWS's container.

Source: «XGBoost hyperparameters», SageMaker developer guide; messages from sagemaker-algorithm-toolkit.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clary_runtime.algorithms.xgboost.metrics import CUSTOM_METRICS
from clary_runtime.errors import ClientError

# Accepted because AWS documents them, though the library no longer knows them.
RETIRED = frozenset({"sketch_eps", "single_precision_histogram", "deterministic_histogram", "dsplit", "predictor"})
# Read by this runtime, never handed to the library.
OURS = frozenset({"num_round", "csv_weights", "early_stopping_rounds", "eval_metric", "save_model_on_termination"})

OBJECTIVES = (
    "reg:squarederror",
    "reg:linear",
    "reg:squaredlogerror",
    "reg:logistic",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "reg:gamma",
    "reg:tweedie",
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "survival:cox",
    "survival:aft",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
)
NATIVE_METRICS = frozenset(
    {
        "rmse",
        "rmsle",
        "mae",
        "mape",
        "mphe",
        "logloss",
        "error",
        "merror",
        "mlogloss",
        "auc",
        "aucpr",
        "ndcg",
        "map",
        "pre",
        "poisson-nloglik",
        "gamma-nloglik",
        "cox-nloglik",
        "gamma-deviance",
        "tweedie-nloglik",
        "aft-nloglik",
        "interval-regression-accuracy",
    }
)
ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}


@dataclass(frozen=True)
class Interval:
    """A range of numbers; `(` and `)` leave the bound out."""

    text: str

    def __contains__(self, value: float) -> bool:
        low, high = (float(bound) for bound in self.text[1:-1].split(","))
        above = value > low if self.text[0] == "(" else value >= low
        return above and (value < high if self.text[-1] == ")" else value <= high)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def __contains__(self, value: str) -> bool:
        return value in self.words

    def __str__(self) -> str:
        return str(list(self.words))


@dataclass(frozen=True)
class Rule:
    """How one hyperparameter is read from its string, and what it may be."""

    parse: Callable[[str], Any]
    allowed: Interval | Choice | None = None


@dataclass(frozen=True)
class Settings:
    """A job's hyperparameters, checked: what is ours, and what goes to the library."""

    num_round: int
    params: Mapping[str, Any]
    native_metrics: tuple[str, ...]
    custom_metrics: tuple[str, ...]
    early_stopping_rounds: int | None
    csv_weights: bool
    save_on_termination: bool

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics in the order they are reported."""
        return self.native_metrics + self.custom_metrics


def _whole(bounds: str) -> Rule:
    return Rule(int, Interval(bounds))


def _real(bounds: str) -> Rule:
    return Rule(float, Interval(bounds))


def _word(*words: str) -> Rule:
    return Rule(str, Choice(words))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.strip("[]").replace("'", "").replace('"', "").split(",") if word.strip())


def _literal(text: str) -> str:
    """Nested lists and tuples go to the library as text, once they have proved to be such."""
    if not isinstance(ast.literal_eval(text), (tuple, list)):
        raise ValueError(text)
    return text


_FRACTION = "[0, 1]"
_SHARE = "(0, 1]"
_POSITIVE = "[0, inf)"

RULES: Mapping[str, Rule] = {
    "num_round": _whole("[1, inf)"),
    "csv_weights": _whole(_FRACTION),
    "early_stopping_rounds": _whole("[1, inf)"),
    "save_model_on_termination": _word("true", "false"),
    "booster": _word("gbtree", "gblinear", "dart"),
    "verbosity": _whole("[0, 3]"),
    "nthread": _whole("[1, inf)"),
    "eta": _real(_FRACTION),
    "gamma": _real(_POSITIVE),
    "max_depth": _whole(_POSITIVE),
    "min_child_weight": _real(_POSITIVE),
    "max_delta_step": _real(_POSITIVE),
    "subsample": _real(_SHARE),
    "sampling_method": _word("uniform", "gradient_based"),
    "colsample_bytree": _real(_SHARE),
    "colsample_bylevel": _real(_SHARE),
    "colsample_bynode": _real(_SHARE),
    "lambda": _real(_POSITIVE),
    "alpha": _real(_POSITIVE),
    "tree_method": _word("auto", "exact", "approx", "hist", "gpu_hist"),
    "sketch_eps": _real("(0, 1)"),
    "scale_pos_weight": _real("(0, inf)"),
    "updater": Rule(lambda text: ",".join(_words(text))),
    "dsplit": _word("row", "col"),
    "refresh_leaf": _whole(_FRACTION),
    "process_type": _word("default", "update"),
    "grow_policy": _word("depthwise", "lossguide"),
    "max_leaves": _whole(_POSITIVE),
    "max_bin": _whole(_POSITIVE),
    "max_cat_to_onehot": _whole("[1, inf)"),
    "max_cat_threshold": _whole("[1, inf)"),
    "predictor": _word("auto", "cpu_predictor", "gpu_predictor"),
    "monotone_constraints": Rule(_literal),
    "interaction_constraints": Rule(_literal),
    "sample_type": _word("uniform", "weighted"),
    "normalize_type": _word("tree", "forest"),
    "rate_drop": _real(_FRACTION),
    "one_drop": _whole(_FRACTION),
    "skip_drop": _real(_FRACTION),
    "lambda_bias": _real(_FRACTION),
    "feature_selector": _word("cyclic", "shuffle", "random", "greedy", "thrifty"),
    "top_k": _whole(_POSITIVE),
    "tweedie_variance_power": _real("(1, 2)"),
    "huber_slope": _real("(0, inf)"),
    "quantile_alpha": _real("(0, 1)"),
    "objective": Rule(str, Choice(OBJECTIVES)),
    "num_class": _whole("[2, inf)"),
    "base_score": Rule(float),
    "eval_metric": Rule(_words),
    "seed": _whole("(-2147483648, 2147483647)"),
    "num_parallel_tree": _whole("[1, inf)"),
    "aft_loss_distribution": _word("normal", "logistic", "extreme"),
    "aft_loss_distribution_scale": _real("(0, inf)"),
    "single_precision_histogram": _word("true", "false"),
    "deterministic_histogram": _word("true", "false"),
    "use_dask_gpu_training": _word("true", "false"),
    "lambdarank_num_pair_per_sample": _whole("[1, inf)"),
    "lambdarank_pair_method": _word("mean", "topk"),
    "ndcg_exp_gain": _word("true", "false"),
}


def settings(raw: Mapping[str, str]) -> Settings:
    """Return the checked hyperparameters; `ClientError` in AWS's words for the first that is wrong."""
    given = {ALIASES.get(name, name): _plain(value) for name, value in raw.items()}
    if "num_round" not in given:
        raise ClientError("Missing required hyperparameter: num_round")
    values = {name: _value(name, text) for name, text in given.items()}
    for check in (_check_classes, _check_metrics, _check_devices):
        check(values)
    return _settled(values)


def _plain(value: str) -> str:
    """SDKs send strings either plain or JSON-encoded; both mean the same."""
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        return str(json.loads(value))
    return value.strip()


def _value(name: str, text: str) -> Any:
    rule = RULES.get(name)
    if rule is None:
        raise ClientError(f"Extraneous hyperparameter found: {name}")
    try:
        value = rule.parse(text)
    except (ValueError, SyntaxError) as error:
        raise ClientError(f"Hyperparameter {name}: could not parse value '{text}'") from error
    if rule.allowed is not None and value not in rule.allowed:
        raise ClientError(f"Hyperparameter {name}: value {value} not in range {rule.allowed}")
    return value


def _check_classes(values: Mapping[str, Any]) -> None:
    several = values.get("objective") in ("multi:softmax", "multi:softprob")
    if several and "num_class" not in values:
        raise ClientError("Require input for parameter 'num_class' for multi-classification")
    if not several and "num_class" in values:
        raise ClientError(
            "Do not need to setup parameter 'num_class' for learning task other than multi-classification."
        )


def _check_metrics(values: Mapping[str, Any]) -> None:
    for metric in values.get("eval_metric", ()):
        _check_metric(metric)
    objective = values.get("objective", "reg:squarederror")
    if "auc" in values.get("eval_metric", ()) and not objective.startswith(
        ("binary:", "multi:", "rank:", "reg:logistic")
    ):
        raise ClientError("Metric 'auc' can only be applied for classification and ranking problem.")


def _check_metric(metric: str) -> None:
    name, at, threshold = metric.partition("@")
    if not at and name.rstrip("-") not in NATIVE_METRICS | CUSTOM_METRICS.keys():
        known = sorted(NATIVE_METRICS | CUSTOM_METRICS.keys())
        raise ClientError(f"Hyperparameter eval_metric: value {metric} not in range {known}")
    if at and name not in ("error", "ndcg", "map", "pre", "tweedie-nloglik"):
        raise ClientError(
            f"Metric '{name}' is not supported. Parameter 'eval_metric' with customized threshold should be one of "
            "these options: 'error', 'ndcg', 'map'."
        )
    if at and not _is_number(threshold.rstrip("-")):
        raise ClientError(f"Threshold value 't' in '{name}@t' expects float input.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_devices(values: Mapping[str, Any]) -> None:
    wants_gpu = values.get("tree_method") == "gpu_hist" or values.get("use_dask_gpu_training") == "true"
    if wants_gpu:
        raise ClientError("Hyperparameter tree_method: GPU training needs an instance with a GPU; use 'hist'")


def _settled(values: Mapping[str, Any]) -> Settings:
    metrics: tuple[str, ...] = values.get("eval_metric", ())
    ours = OURS | RETIRED | {"use_dask_gpu_training"}
    params = {name: value for name, value in values.items() if name not in ours}
    if params.get("objective") == "reg:linear":
        params["objective"] = "reg:squarederror"
    return Settings(
        num_round=values["num_round"],
        params=params,
        native_metrics=tuple(metric for metric in metrics if metric not in CUSTOM_METRICS),
        custom_metrics=tuple(metric for metric in metrics if metric in CUSTOM_METRICS),
        early_stopping_rounds=values.get("early_stopping_rounds"),
        csv_weights=values.get("csv_weights") == 1,
        save_on_termination=values.get("save_model_on_termination") == "true",
    )

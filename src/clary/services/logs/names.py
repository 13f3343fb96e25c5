"""Names and ARNs of log groups and streams."""

from __future__ import annotations

from clary.core.ids import Arn
from clary.services.logs.faults import InvalidParameter, NotFound
from clary.services.operation import Call, Params

GROUP = "log-group:"


def group_arn(call: Call, group: str) -> str:
    """Return a group's ARN as tags and newer operations use it, without `:*`."""
    return call.arn(f"{GROUP}{group}")


def stream_arn(call: Call, group: str, stream: str) -> str:
    """Return a stream's ARN."""
    return call.arn(f"{GROUP}{group}:log-stream:{stream}")


def named_group(call: Call, request: Params) -> str:
    """Return the group that logGroupName or logGroupIdentifier names; exactly one of them must be there."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if name and identifier:
        raise InvalidParameter("LogGroup name and LogGroup identifier are mutually exclusive parameters.")
    if not name and not identifier:
        raise InvalidParameter("Either LogGroup name or LogGroup identifier must be specified.")
    return name or group_of(call, str(identifier))


def group_of(call: Call, identifier: str) -> str:
    """Return the group's name in an identifier, which is a name or an ARN of this account and region."""
    arn = Arn.parse(identifier)
    if arn is None:
        return identifier
    mine = (arn.service, arn.account, arn.region) == ("logs", call.account, call.region)
    if not mine or not arn.resource.startswith(GROUP):
        raise NotFound("The specified log group does not exist.")
    return arn.resource.removeprefix(GROUP).removesuffix(":*")

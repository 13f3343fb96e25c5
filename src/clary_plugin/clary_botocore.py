"""A botocore plugin: clients pinned to an AWS host talk to AWS_ENDPOINT_URL instead.

The SageMaker SDK creates its STS client with `endpoint_url="https://sts.REGION.amazonaws.com"`, which the environment
does not override. Put this folder on PYTHONPATH and set BOTOCORE_EXPERIMENTAL__PLUGINS=clary=clary_botocore. A client
given any other endpoint is left alone, and a client is never broken: what goes wrong is said once on stderr.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore.httpsession import ProxyConfiguration
from botocore.utils import get_environ_proxies

AWS_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".on.aws")
ENDPOINT = "SDK::Endpoint"  # botocore's name for the endpoint a client was given, by argument or by environment


def initialize_client_plugin(client: Any) -> None:
    """Have the client resolve its endpoint through us; botocore calls this for every client it creates."""
    try:
        endpoint = configured_endpoint(client.meta.service_model.service_id)
        if endpoint:
            client.meta.events.register("before-endpoint-resolution", redirection(endpoint))
            if is_aws(client.meta.endpoint_url) and not client.meta.config.proxies:
                reach_by_its_own_way(client, endpoint)
    except Exception as error:  # noqa: BLE001 - a client that works without us must not fail because of us
        warn_once(f"{type(error).__name__}: {error}")


def reach_by_its_own_way(client: Any, endpoint: str) -> None:
    """Have the client go through the proxy that the environment names for `endpoint`, and not for an AWS host."""
    own = ProxyConfiguration(proxies=get_environ_proxies(endpoint))
    client._endpoint.http_session._proxy_config = own  # noqa: SLF001 - botocore chooses it once, by the AWS host


def redirection(endpoint: str) -> Any:
    """Answer a handler that puts `endpoint` in the place of an AWS host, before the request is built and signed."""

    def redirect(builtins: Any = None, **_: Any) -> None:
        try:
            if is_aws(builtins[ENDPOINT]):
                builtins[ENDPOINT] = endpoint
        except Exception as error:  # noqa: BLE001 - as above; the request then goes where it would have gone
            warn_once(f"{type(error).__name__}: {error}")

    return redirect


def configured_endpoint(service_id: str) -> str:
    """Read the endpoint the environment names, as every AWS SDK does: the service's own first, "" when ignored."""
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ""
    own = "AWS_ENDPOINT_URL_" + service_id.replace(" ", "_").replace("-", "_").upper()
    return os.environ.get(own) or os.environ.get("AWS_ENDPOINT_URL", "")


def is_aws(url: str | None) -> bool:
    """Tell whether `url` names a host of AWS's; None is a client that was given no endpoint."""
    host = urlsplit(url or "").hostname or ""
    return host.endswith(AWS_SUFFIXES)


@cache
def warn_once(problem: str) -> None:
    """Say on stderr that a client may reach AWS itself; the same problem is said once a process."""
    sys.stderr.write(f"clary_botocore: this client is not redirected to AWS_ENDPOINT_URL: {problem}\n")

from __future__ import annotations

import pytest

from clary.core.errors import ServiceError
from clary.wire.message import Headers, Request
from clary.wire.models import Models
from clary.wire.routes import find_operation, labels


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "name"),
    [
        ("GET", "/", "", {}, "ListBuckets"),
        ("GET", "/b", "", {}, "ListObjects"),
        ("GET", "/b/", "list-type=2&prefix=", {}, "ListObjectsV2"),
        ("GET", "/b", "uploads", {}, "ListMultipartUploads"),
        ("GET", "/b", "analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("GET", "/b", "analytics&id=1", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/b/k", "", {}, "GetObject"),
        ("GET", "/b/k", "uploadId=1", {}, "ListParts"),
        ("HEAD", "/b/k/l//", "", {}, "HeadObject"),
        ("PUT", "/b", "", {}, "CreateBucket"),
        ("PUT", "/b/k", "", {}, "PutObject"),
        ("PUT", "/b/k", "", {"x-amz-copy-source": "/b/j"}, "CopyObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {}, "UploadPart"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {"x-amz-copy-source": "/b/j"}, "UploadPartCopy"),
        ("PUT", "/b", "lifecycle=", {}, "PutBucketLifecycleConfiguration"),
        ("POST", "/b/k", "uploads=", {}, "CreateMultipartUpload"),
        ("POST", "/b", "delete", {}, "DeleteObjects"),
        ("DELETE", "/b/k", "uploadId=u", {}, "AbortMultipartUpload"),
        ("DELETE", "/b/k", "versionId=v", {}, "DeleteObject"),
    ],
)
def test_routes_of_s3(models: Models, method: str, path: str, query: str, headers: dict, name: str) -> None:
    sent = Request(method, path, query, Headers(headers.items()), b"")
    model = models.load("s3")
    assert find_operation(model, sent).name == name


@pytest.mark.parametrize(
    ("path", "key"),
    [("/b/a%2Fb/c%20d", "a/b/c d"), ("/b/%C3%BC", "ü"), ("/b//a", "/a"), ("/b/a/", "a/"), ("/b/../c", "../c")],
)
def test_keys_are_decoded_and_never_tidied(models: Models, path: str, key: str) -> None:
    operation = models.load("s3").operation_model("GetObject")
    assert labels(operation, path) == {"Bucket": "b", "Key": key}


def test_a_path_that_is_no_utf8_is_refused(models: Models) -> None:
    with pytest.raises(ServiceError, match="parse the specified URI"):
        labels(models.load("s3").operation_model("GetObject"), "/b/%FF")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v20180820/mrap/instances/a%2Fb", "GetMultiRegionAccessPoint"),
        ("/v20180820/mrap/instances/a/b/policy", "GetMultiRegionAccessPointPolicy"),
        ("/v20180820/mrap/instances/a/policystatus", "GetMultiRegionAccessPointPolicyStatus"),
    ],
)
def test_words_after_a_greedy_label_make_a_route_more_specific(models: Models, path: str, name: str) -> None:
    sent = Request("GET", path, "", Headers([("x-amz-account-id", "0")]), b"")
    assert find_operation(models.load("s3control"), sent).name == name

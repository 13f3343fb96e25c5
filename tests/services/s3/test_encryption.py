"""GetBucketEncryption and its siblings."""

from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError

SEALED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}


def test_encryption_is_neither_promised_nor_claimed(aws: Any) -> None:
    s3 = aws("s3")
    s3("CreateBucket", Bucket="b-1")
    with pytest.raises(ServiceError) as absent:
        s3("GetBucketEncryption", Bucket="b-1")
    assert (absent.value.code, absent.value.status) == ("ServerSideEncryptionConfigurationNotFoundError", 404)
    with pytest.raises(ServiceError) as refused:
        s3("PutBucketEncryption", Bucket="b-1", ServerSideEncryptionConfiguration=SEALED)
    assert (refused.value.code, refused.value.status) == ("NotImplemented", 501)
    assert s3("DeleteBucketEncryption", Bucket="b-1") is None
    put = s3("PutObject", Bucket="b-1", Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert "ServerSideEncryption" not in put
    assert "ServerSideEncryption" not in s3("HeadObject", Bucket="b-1", Key="k")

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from clary.core.errors import ServiceError
from clary.services.iam.inline_policies import SIZES_MAX
from clary.services.iam.kinds import GROUP, ROLE, USER

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": ANYONE})
NOUNS = pytest.mark.parametrize(
    ("noun", "put", "get", "delete", "listed"),
    [
        ("User", "PutUserPolicy", "GetUserPolicy", "DeleteUserPolicy", "ListUserPolicies"),
        ("Group", "PutGroupPolicy", "GetGroupPolicy", "DeleteGroupPolicy", "ListGroupPolicies"),
        ("Role", "PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy", "ListRolePolicies"),
    ],
)


def create(iam, noun: str) -> dict[str, str]:
    trust = {"AssumeRolePolicyDocument": TRUST} if noun == "Role" else {}
    iam(f"Create{noun}", **{f"{noun}Name": "x"}, **trust)
    return {f"{noun}Name": "x"}


def refusal(call, name: str, **params: object) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as refused:
        call(name, **params)
    return refused.value.code, refused.value.status, refused.value.message


def sized(characters: int) -> str:
    """Return a policy of so many characters, and as much white space again."""
    action = "s3:" + "x" * (characters - len("".join(ALLOW.split())) + 1)
    text = ALLOW.replace("s3:*", action)
    assert len("".join(text.split())) == characters
    return text + " " * characters


@NOUNS
def test_inline_policies_are_put_got_and_deleted(iam, noun, put, get, delete, listed) -> None:
    owner = create(iam, noun)
    iam(put, **owner, PolicyName="p", PolicyDocument=ALLOW.replace("Allow", "Deny"))
    iam(put, **owner, PolicyName="p", PolicyDocument=ALLOW)
    told = iam(get, **owner, PolicyName="p")
    assert unquote(told["PolicyDocument"]) == ALLOW
    assert (told["PolicyName"], told[f"{noun}Name"]) == ("p", "x")
    assert iam(listed, **owner) == {"PolicyNames": ["p"], "IsTruncated": False}
    conflict = refusal(iam, f"Delete{noun}", **owner)
    assert conflict == ("DeleteConflict", 409, "Cannot delete entity, must delete policies first.")
    iam(delete, **owner, PolicyName="p")
    assert iam(listed, **owner)["PolicyNames"] == []
    gone = ("NoSuchEntity", 404, f"The {noun.lower()} policy with name p cannot be found.")
    assert refusal(iam, get, **owner, PolicyName="p") == gone
    assert refusal(iam, delete, **owner, PolicyName="p") == gone
    iam(f"Delete{noun}", **owner)


@NOUNS
def test_names_are_listed_in_pages(iam, noun, put, get, delete, listed) -> None:
    owner = create(iam, noun)
    for name in "cab":
        iam(put, **owner, PolicyName=name, PolicyDocument=ALLOW)
    first = iam(listed, **owner, MaxItems=2)
    rest = iam(listed, **owner, MaxItems=2, Marker=first["Marker"])
    assert (first["PolicyNames"], rest["PolicyNames"]) == (["a", "b"], ["c"])
    assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)
    assert refusal(iam, listed, **owner, Marker="é") == ("ValidationError", 400, "Invalid Marker: é")


@NOUNS
def test_nobody_has_no_policies(iam, noun, put, get, delete, listed) -> None:
    nobody = {f"{noun}Name": "nobody"}
    unknown = ("NoSuchEntity", 404, f"The {noun.lower()} with name nobody cannot be found.")
    assert refusal(iam, put, **nobody, PolicyName="p", PolicyDocument=ALLOW) == unknown
    assert refusal(iam, get, **nobody, PolicyName="p") == unknown
    assert refusal(iam, delete, **nobody, PolicyName="p") == unknown
    assert refusal(iam, listed, **nobody) == unknown


@NOUNS
def test_all_inline_policies_together_have_a_size_at_most(iam, noun, put, get, delete, listed) -> None:
    owner = create(iam, noun)
    most = SIZES_MAX[{"User": USER, "Group": GROUP, "Role": ROLE}[noun]]
    iam(put, **owner, PolicyName="p", PolicyDocument=sized(most))
    text = f"Maximum policy size of {most} bytes exceeded for {noun.lower()} x"
    assert refusal(iam, put, **owner, PolicyName="q", PolicyDocument=ALLOW) == ("LimitExceeded", 409, text)
    assert refusal(iam, put, **owner, PolicyName="p", PolicyDocument=sized(most + 1))[0] == "LimitExceeded"
    assert iam(listed, **owner)["PolicyNames"] == ["p"]
    iam(put, **owner, PolicyName="p", PolicyDocument=ALLOW)
    iam(put, **owner, PolicyName="q", PolicyDocument=ALLOW)


@pytest.mark.parametrize("document", ["{}", "no json", TRUST, ALLOW.replace("s3:*", "s3")])
def test_what_is_no_policy_is_refused(iam, document) -> None:
    code, status, text = refusal(iam, "PutUserPolicy", **create(iam, "User"), PolicyName="p", PolicyDocument=document)
    assert (code, status) == ("MalformedPolicyDocument", 400)
    assert text
    assert iam("ListUserPolicies", UserName="x")["PolicyNames"] == []

from __future__ import annotations

import json
import multiprocessing
import os
import stat

import pytest

from clary.access.decide import Requirement, decide
from clary.core.errors import AccessDenied
from clary.core.settings import load
from clary.services.iam.bootstrap import bootstrap
from clary.services.iam.identities import create_access_key, create_group, create_role, create_user
from clary.services.iam.kinds import ACCOUNT, USER, attributes_of
from clary.services.iam.principals import Principals
from clary.store.records import Change, Record
from clary.store.store import Store, open_store

ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": ANYONE})
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
GET = Requirement("s3:GetObject", "arn:aws:s3:::b/k", {})


@pytest.fixture
def account(store: Store, home) -> str:
    return bootstrap(store, load({"home": home}, {}))


@pytest.fixture
def principals(store: Store) -> Principals:
    return Principals(store, store.clock)


def may(principals: Principals, access_key: str, token: str = "") -> bool:
    credential = principals.find(access_key, token)
    assert credential is not None
    return decide(credential.principal, GET).allowed


def rewrite(store: Store, record: Record, **spec: object) -> Record:
    told = {**record.spec, **spec}
    return store.records(record.account, "").update(record, Change(spec=told, attributes=attributes_of(told)))


def test_the_first_start_writes_root_keys_that_work_and_only_their_owner_can_read(store, account, principals, home):
    path = home / "credentials.json"
    told = json.loads(path.read_text())
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert told["account"] == account
    assert told["region"] == "us-east-1"
    root = principals.find(told["access_key_id"], "")
    assert root.secret == told["secret_access_key"]
    assert (root.principal.sort, root.principal.arn) == ("Root", f"arn:aws:iam::{account}:root")


def test_a_later_start_changes_nothing(store, account, home) -> None:
    before = (home / "credentials.json").read_text()
    assert bootstrap(store, load({"home": home}, {})) == account
    assert (home / "credentials.json").read_text() == before


def _start(home: str, queue: multiprocessing.Queue) -> None:
    settings = load({"home": home}, {})
    store = open_store(settings)
    queue.put(bootstrap(store, settings))
    store.close()


def test_of_processes_that_start_at_once_one_makes_the_account(prepared_home) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_start, args=(str(prepared_home), queue)) for _ in range(3)]
    for process in processes:
        process.start()
    accounts = {queue.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
    assert accounts == {json.loads((prepared_home / "credentials.json").read_text())["account"]}


def test_a_key_of_nobody_is_none(account, principals) -> None:
    assert principals.find("AKIAIOSFODNN7EXAMPLE", "") is None
    assert principals.find("ASIAIOSFODNN7EXAMPLE", "") is None
    assert principals.find("ASIAIOSFODNN7EXAMPLE", "nonsense") is None


def test_a_users_policies_are_its_own_and_its_groups(store, account, principals) -> None:
    records = store.records(account, "")
    user = create_user(records, "Bob", path="/team/")
    key, secret = create_access_key(records, store.sealer, user)
    found = principals.find(key.name, "")
    assert (found.secret, found.principal.arn) == (secret, f"arn:aws:iam::{account}:user/team/Bob")
    assert not may(principals, key.name)
    group = create_group(records, "readers")
    rewrite(store, user, Groups=["readers"])
    assert not may(principals, key.name)
    rewrite(store, group, Inline={"read": ALLOW})
    assert may(principals, key.name)


def test_a_change_by_another_process_counts_at_once(store, account, principals, home) -> None:
    records = store.records(account, "")
    user = create_user(records, "bob", Attached=["arn:aws:iam::aws:policy/AdministratorAccess"])
    key, _ = create_access_key(records, store.sealer, user)
    assert may(principals, key.name)
    other = open_store(load({"home": home}, {}))
    rewrite(other, user, Attached=[])
    other.close()
    assert not may(principals, key.name)


def test_a_key_that_is_switched_off_or_whose_user_is_gone_is_none(store, account, principals) -> None:
    records = store.records(account, "")
    user = create_user(records, "bob")
    key, _ = create_access_key(records, store.sealer, user)
    off = records.update(key, Change(state="Inactive"))
    assert principals.find(key.name, "") is None
    records.update(off, Change(state="Active"))
    assert principals.find(key.name, "") is not None
    records.remove(records.find(USER, "bob"))
    assert principals.find(key.name, "") is None


def test_a_secret_is_not_in_the_database(store, account, home) -> None:
    records = store.records(account, "")
    _, secret = create_access_key(records, store.sealer, create_user(records, "bob"))
    for path in (home / "db").iterdir():
        assert secret.encode() not in path.read_bytes()


def test_a_role_session_is_sealed_in_its_token_and_ends_with_its_role(store, account, principals) -> None:
    role = create_role(store.records(account, ""), "Job", TRUST, path="/p/", Inline={"all": ALLOW})
    session = principals.role_session(f"arn:aws:iam::{account}:role/p/Job", "s1", 900)
    assert session.principal.arn == f"arn:aws:sts::{account}:assumed-role/Job/s1"
    assert session.principal.user_id == f"{role.status['Id']}:s1"
    found = principals.find(session.access_key, session.token)
    assert (found.secret, found.expires) == (session.secret, session.expires)
    assert may(principals, session.access_key, session.token)
    assert principals.find(session.access_key, "") is None
    assert principals.find("ASIAIOSFODNN7EXAMPLE", session.token) is None
    swapped = session.token[:-8] + ("A" if session.token[-8] != "A" else "B") + session.token[-7:]
    assert principals.find(session.access_key, swapped) is None
    records = store.records(account, "")
    records.remove(role)
    create_role(records, "Job", TRUST, path="/p/", Inline={"all": ALLOW})
    assert principals.find(session.access_key, session.token) is None


def test_a_session_policy_narrows_a_session(store, account, principals) -> None:
    create_role(store.records(account, ""), "job", TRUST, Inline={"all": ALLOW})
    other = ALLOW.replace("s3:*", "sqs:*")
    narrow = principals.role_session(f"arn:aws:iam::{account}:role/job", "s", 900, session_policies=[other])
    assert not may(principals, narrow.access_key, narrow.token)
    arns = ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
    managed = principals.role_session(f"arn:aws:iam::{account}:role/job", "s", 900, policy_arns=arns)
    assert may(principals, managed.access_key, managed.token)


def test_a_session_of_no_role_is_refused(account, principals) -> None:
    for arn in (f"arn:aws:iam::{account}:role/none", "arn:aws:iam::1:role/x", "nonsense"):
        with pytest.raises(AccessDenied):
            principals.role_session(arn, "s", 900)


def test_nobody_of_a_closed_account_gets_in(store, account, principals, home) -> None:
    told = json.loads((home / "credentials.json").read_text())
    assert principals.find(told["access_key_id"], "") is not None
    records = store.records(account, "")
    records.update(records.find(ACCOUNT, account), Change(state="PENDING_CLOSURE", deleting=True))
    assert principals.find(told["access_key_id"], "") is None

"""Long-lived access keys of users and of an account's root."""

from __future__ import annotations

from clary.services.iam import faults
from clary.services.iam.entities import created, everyone, find, paged
from clary.services.iam.identities import create_access_key
from clary.services.iam.kinds import ACCESS_KEY, USER
from clary.services.iam.users import own_name
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Change, Record, Records

KEYS_PER_USER_MAX = 2


class AccessKeys(Operations):
    """CreateAccessKey and its siblings."""

    @operation("CreateAccessKey")
    def create(self, call: Call, request: Params) -> Result:
        """Add a key; its secret is told this once."""
        with call.store.records.together() as records:
            user = _owner(call, records, request)
            if len(_keys(records, user)) >= KEYS_PER_USER_MAX:
                raise faults.limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER_MAX}")
            key, secret = create_access_key(records, call.store.sealer, user)
        return {
            "AccessKey": {
                "UserName": key.spec["UserName"],
                "AccessKeyId": key.name,
                "Status": key.state,
                "SecretAccessKey": secret,
                "CreateDate": key.created,
            }
        }

    @operation("ListAccessKeys")
    def list_page(self, call: Call, request: Params) -> Result:
        """List the keys of a user; of the caller if none is named."""
        records = call.store.records
        user = _owner(call, records, request)
        return paged("AccessKeyMetadata", _keys(records, user), request, _summary, lambda key: key.name)

    @operation("UpdateAccessKey")
    def update(self, call: Call, request: Params) -> Result:
        """Switch a key on or off."""
        with call.store.records.together() as records:
            records.update(self._find(call, records, request), Change(state=request["Status"]))
        return None

    @operation("DeleteAccessKey")
    def delete(self, call: Call, request: Params) -> Result:
        """Remove a key."""
        with call.store.records.together() as records:
            records.remove(self._find(call, records, request))
        return None

    @operation("GetAccessKeyLastUsed")
    def last_used(self, call: Call, request: Params) -> Result:
        """Tell whose key it is; when it was last used is not counted, which AWS tells as `N/A`."""
        key = call.store.records.find(ACCESS_KEY, request["AccessKeyId"])
        if key is None or key.account != call.account:
            raise _no_key(request["AccessKeyId"])
        return {"UserName": key.spec["UserName"], "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}

    def _find(self, call: Call, records: Records, request: Params) -> Record:
        user = _owner(call, records, request)
        key = records.find(ACCESS_KEY, request["AccessKeyId"])
        if key is None or key.account != call.account or key.parent != (user.uid if user else ""):
            raise _no_key(request["AccessKeyId"])
        return key


def _owner(call: Call, records: Records, request: Params) -> Record | None:
    name = request.get("UserName") or own_name(call)
    return find(records, USER, name) if name else None


def _keys(records: Records, user: Record | None) -> list[Record]:
    if user is not None:
        return records.children(user.uid)
    return [key for key in everyone(records, ACCESS_KEY) if not key.parent]


def _no_key(access_key: str) -> Exception:
    return faults.no_such_entity(f"The Access Key with id {access_key} cannot be found.")


def _summary(key: Record) -> dict[str, object]:
    return {
        "UserName": key.spec["UserName"],
        "AccessKeyId": key.name,
        "Status": key.state,
        "CreateDate": created(key),
    }

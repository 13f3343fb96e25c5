"""Archives: what of a bus's events is kept, and for how long."""

from __future__ import annotations

from typing import Any

from clary.core.ids import arn
from clary.resources.event_rules import ARCHIVE
from clary.services.events.faults import AlreadyExists, Invalid, LimitExceeded, NotFound
from clary.services.events.reach import PAGE_DEFAULT, bus_of, check_pattern, present
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Change, NameTaken, Record

ARCHIVES_MAX = 100
ENABLED = "ENABLED"
KEPT = ("EventSourceArn", "Description", "EventPattern", "RetentionDays")
CHANGEABLE = KEPT[1:]


class Archives(Operations):
    """CreateArchive and its siblings."""

    @operation("CreateArchive")
    def create(self, call: Call, request: Params) -> Result:
        """Keep a bus's events from now on."""
        bus = bus_of(call, request, "EventSourceArn")
        _check(request)
        name = request["ArchiveName"]
        spec = {"RetentionDays": 0, **{member: request[member] for member in KEPT if member in request}}
        with call.store.records.together() as records:
            if len(records.page(ARCHIVE, Query(limit=ARCHIVES_MAX)).items) == ARCHIVES_MAX:
                raise LimitExceeded
            try:
                archive = records.create(
                    ARCHIVE, name, spec, state=ENABLED, parent=bus.uid, attributes={"bus": bus.name}
                )
            except NameTaken:
                raise AlreadyExists(f"Archive {name} already exists.") from None
        return _told(archive)

    @operation("DescribeArchive")
    def describe(self, call: Call, request: Params) -> Result:
        """Return an archive, with how much it holds."""
        archive = find_archive(call, request["ArchiveName"])
        return {"ArchiveArn": archive_arn(archive), **self._view(archive), **_kept(archive)}

    @operation("ListArchives")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of archives by name."""
        if sum(name in request for name in ("NamePrefix", "EventSourceArn", "State")) > 1:
            raise Invalid("At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or "
                          "NamePrefix.")  # fmt: skip
        of_bus = {"bus": bus_of(call, request, "EventSourceArn").name} if "EventSourceArn" in request else {}
        query = Query(
            limit=request.get("Limit", PAGE_DEFAULT),
            token=request.get("NextToken", ""),
            name_prefix=request.get("NamePrefix", ""),
            states=[request["State"]] if "State" in request else (),
            attributes=of_bus,
        )
        page = call.store.records.page(ARCHIVE, query)
        return {"Archives": [self._view(each) for each in page.items], **present(NextToken=page.next_token)}

    @operation("UpdateArchive")
    def update(self, call: Call, request: Params) -> Result:
        """Change what is given of an archive; what it holds stays."""
        archive = find_archive(call, request["ArchiveName"])
        _check(request)
        given = {name: request[name] for name in CHANGEABLE if name in request}
        return _told(call.store.records.update(archive, Change(spec={**archive.spec, **given})))

    @operation("DeleteArchive")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget an archive and what it holds."""
        archive = find_archive(call, request["ArchiveName"])
        call.store.records.remove(archive)
        self.platform.store.event_archives.drop(archive.uid)
        return {}

    def _view(self, archive: Record) -> dict[str, Any]:
        count, size = self.platform.store.event_archives.count(archive.uid)
        return {
            "ArchiveName": archive.name,
            "EventSourceArn": archive.spec["EventSourceArn"],
            "State": archive.state,
            "RetentionDays": archive.spec["RetentionDays"],
            "SizeBytes": size,
            "EventCount": count,
            "CreationTime": archive.created,
        }


def find_archive(call: Call, name: str) -> Record:
    """Return an archive, or raise NotFound."""
    archive = call.store.records.find(ARCHIVE, name)
    if archive is None:
        raise NotFound(f"Archive {name} does not exist.")
    return archive


def archive_arn(archive: Record) -> str:
    """Return an archive's ARN."""
    return arn("events", archive.region, archive.account, f"archive/{archive.name}")


def _check(request: Params) -> None:
    if request.get("KmsKeyIdentifier"):
        raise Invalid("KmsKeyIdentifier is not built in Clary yet; events are sealed at rest under Clary's own key.")
    if request.get("EventPattern"):
        check_pattern(request["EventPattern"])


def _kept(archive: Record) -> dict[str, Any]:
    return present(**{name: archive.spec.get(name) for name in KEPT})


def _told(archive: Record) -> dict[str, Any]:
    return {"ArchiveArn": archive_arn(archive), "State": archive.state, "CreationTime": archive.created}

"""SETQUOTA: RFC 9208 §4.1.3."""

from __future__ import annotations

from mailsuite.imap import codes
from mailsuite.imap.commands.getquota import quota_root
from mailsuite.imap.events import SetQuota
from mailsuite.imap.items import Resource
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError

_RESOURCES = {resource.value: resource for resource in Resource}
#: Octets of the unit in which STORAGE is given (§5.1).
_UNIT = 1024


def parse(cursor: Cursor, tag: bytes) -> SetQuota:
    """setquota = "SETQUOTA" SP quota-root-name SP setquota-list
    setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")"

    What is not named has no limit from now on."""
    cursor.space()
    root = quota_root(cursor)
    cursor.need(b" (")
    limits: dict[Resource, int] = {}
    while not cursor.skip(b")"):
        if limits:
            cursor.space()
        resource, limit = _resource(cursor)
        if resource in limits:
            raise ProtocolError(f"{resource.value} stands there twice")
        limits[resource] = limit
    cursor.end()
    return SetQuota(tag, root, limits.get(Resource.STORAGE, 0) * _UNIT, limits.get(Resource.MESSAGE, 0))


def _resource(cursor: Cursor) -> tuple[Resource, int]:
    """setquota-resource = resource-name SP resource-limit ; a number64.  0 would forbid all use, which cannot be kept
    apart from having no limit where 0 stands for that."""
    name = strings.atom(cursor, "a resource").decode("ascii", "replace").upper()
    cursor.space()
    limit = strings.number(cursor, "a limit", 2**63 // _UNIT - 1)
    if name not in _RESOURCES:
        raise ProtocolError("only " + " and ".join(_RESOURCES) + " can be limited here", codes.CANNOT, b"NO")
    if limit == 0:
        raise ProtocolError("a limit is at least 1 here", codes.CANNOT, b"NO")
    return _RESOURCES[name], limit

"""Rights in applications: what they declare, who may give it, who holds it; giving it, approving it and ending it."""

from __future__ import annotations

from admin.web.rights import assignments as assignments
from admin.web.rights import declarations as declarations
from admin.web.rights import delegations as delegations
from admin.web.rights import people as people
from admin.web.rights import report as report
from admin.web.rights.place import blueprint

__all__ = ["blueprint"]

"""Rights in applications: who holds what, and giving it, approving it and ending it within one's institution."""

from __future__ import annotations

from admin.web.rights import assignments as assignments
from admin.web.rights import people as people
from admin.web.rights import report as report
from admin.web.rights.place import blueprint

__all__ = ["blueprint"]

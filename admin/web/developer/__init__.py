"""Tools for developers of relying applications, each about one application that the operator reaches."""

from __future__ import annotations

from admin.web.applications.links import PAGES
from admin.web.developer import doctor as doctor
from admin.web.developer import inspector as inspector
from admin.web.developer import preview as preview
from admin.web.developer import samples as samples
from admin.web.developer import simulator as simulator
from admin.web.developer.place import blueprint, doctor_link, inspector_link, preview_link, samples_link, simulator_link

__all__ = ["blueprint"]
PAGES += [samples_link, preview_link, inspector_link, simulator_link, doctor_link]

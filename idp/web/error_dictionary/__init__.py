"""The dictionary of errors: what a developer meets, why it happens, what to do, by example. Anybody reads it."""

from __future__ import annotations

from idp.web.error_dictionary.pages import blueprint as blueprint

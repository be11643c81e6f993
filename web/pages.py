"""Pages from templates."""

from __future__ import annotations

from flask import Response, g, render_template


def render(template: str, status: int = 200, **context: object) -> Response:
    """Return the page made from ``template`` (a path under a ``templates`` folder) as an HTML response.

    :param status: HTTP status; a form that comes back with errors is 422 or 400, never 200 when nothing was done.
    :param context: what the template names; a name that is missing is an error, not an empty text.
    """
    return Response(render_template(template, **context), status, mimetype="text/html")


def use_icon(name: str) -> str:
    """Note that the page shows the icon ``name``, so that the layout inlines its symbol once; return the name."""
    g.setdefault("icons", {})[name] = True
    return name


def used_icons() -> list[str]:
    """Return the icons noted on this page, in the order of first use."""
    return list(g.get("icons", {}))

"""The way out of a browser: at once, or by a page whose frames let applications end their own sessions."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from web.headers import allow_frames_of
from web.pages import render

# Long enough for pages that only drop a cookie; the link beside it is for those who do not want to wait.
_SECONDS_FOR_FRAMES = 3


def leave_to(location: str, *, frames: Sequence[str]) -> Response | WerkzeugResponse:
    """Send the browser to ``location``, by the page that loads ``frames`` if there are any.

    Nothing here needs JavaScript: the page goes on by the ``Refresh`` header, and by its link.
    """
    if not frames:
        return redirect(location, 303)
    for address in frames:
        allow_frames_of(address)
    response = render("idp/logout_frames.html", frames=frames, location=location)
    response.headers["Refresh"] = f"{_SECONDS_FOR_FRAMES};url={location}"
    return response

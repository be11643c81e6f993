"""Before a session ends for not being used, its person is asked whether to stay (WCAG 2.2.1, "extend").

With JavaScript a dialog asks on the page itself; without it the page goes to one that asks. Neither page counts as use.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.browser_session import find_browser_session
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.cookies import session_secret
from idp.web.guard import admit
from web.local_address import local_path
from web.pages import render

#: So long before the end the question comes; it takes 20 seconds at least to answer it (WCAG 2.2.1).
WARNING = timedelta(minutes=2)


def warning_times(idle_minutes: int) -> dict[str, int]:
    """Return the seconds until a page of the account asks, and those that are left then."""
    left = int(WARNING.total_seconds())
    return {"warn_after": idle_minutes * 60 - left, "warn_left": left}


@blueprint.get("/session")
def staying() -> AnyResponse:
    """Ask whether the person stays; say so when the session has ended. Looking at this page is no use of it."""
    back = local_path(request.args.get("back", ""), default=url_for("account.home"))
    with services().database.reading() as session:
        found = find_browser_session(session, secret=session_secret(), now=present())
    left = int((found.ends_at - present()).total_seconds()) if found is not None else 0
    response = render("idp/account/staying.html", back=back, left=left, minutes=max(1, left // 60))
    if found is not None:
        response.headers["Refresh"] = str(left + 1)  # then it says that the session has ended
    return response


@blueprint.post("/session")
def stay() -> AnyResponse:
    """Go on: the session counts as used now."""
    back = local_path(request.form.get("back", ""), default=url_for("account.home"))
    visitor = admit(back_to=back)
    if isinstance(visitor, AnyResponse):
        return visitor
    return Response(status=204) if request.form.get("quiet") else redirect(back, 303)

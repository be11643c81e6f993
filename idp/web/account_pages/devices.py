"""The devices that the person's account knows: which there are, and forgetting one."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.known_device import forget_device, list_known_devices
from idp.web.access import present, services
from idp.web.account_pages.blueprint import blueprint
from idp.web.cookies import device_secret
from idp.web.guard import admit
from web.pages import render


@blueprint.get("/devices")
def devices() -> AnyResponse:
    """Show the devices from which the person logged in before."""
    visitor = admit(back_to=url_for("account.devices"))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        known = list_known_devices(session, person_id=visitor.person.id, secret=device_secret(), now=present())
    return render("idp/account/devices.html", visitor=visitor, devices=known)


@blueprint.post("/devices")
def forget() -> AnyResponse:
    """Forget one device; its next login is told to the person."""
    visitor = admit(back_to=url_for("account.devices"))
    if isinstance(visitor, AnyResponse):
        return visitor
    chosen = request.form.get("device", "")[:26]
    with services().database.transaction() as session:
        forget_device(session, journal=services().journal, person_id=visitor.person.id, device_id=chosen, now=present())
    return redirect(url_for("account.devices", forgotten="1"), 303)

"""The demonstration's own page: who can log in and with what, and the mails. Mounted only where the settings say so."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.clients.client import list_clients
from idp.demo import code_and_seconds_left, list_demo_accounts, list_spare_cedulas
from idp.levels.registry_file import DEMO_FILE, RegistryFile
from idp.notices.mail import list_stored_mails
from idp.notices.sms import list_stored_sms
from idp.web.access import present, services
from web.pages import render

blueprint = Blueprint("demo", __name__, template_folder="templates")


@blueprint.get("/demo")
def page() -> Response:
    """Show test people with their codes of this moment, the portals, and the mails, newest first."""
    now, registry = present(), RegistryFile(DEMO_FILE)
    with services().database.reading() as session:
        accounts = list_demo_accounts(session, services())
        spare = list_spare_cedulas(session)
        mails = list_stored_mails(session, services=services())
        messages = list_stored_sms(session, services=services())
        portals = [
            (client.name, uri)
            for client in list_clients(session)
            if client.active and not client.is_console
            for uri in client.post_logout_redirect_uris[:1]
        ]
    people = [
        (account, *(code_and_seconds_left(account.totp_key, now=now) if account.totp_key else ("", 0)))
        for account in accounts
    ]
    return render(
        "idp/demo.html",
        people=people,
        spare=spare,
        mails=mails,
        messages=messages,
        portals=portals,
        registry_rows=[
            (account.person.name, record.birth_date.strftime("%d/%m/%Y"), record.fingerprint_code)
            for account in accounts
            if (record := registry.find(account.person.cedula)) is not None
        ],
        smtp=bool(services().settings.smtp_url),
        gateway=bool(services().settings.sms_url),
    )

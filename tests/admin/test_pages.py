"""Every page shows, for those who may see it."""

from __future__ import annotations

import pytest

from admin.permissions import Role


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.PKI_OFFICER, "/admin"),
        (Role.AUDITOR, "/admin"),
        (Role.ADMINISTRATOR, "/admin"),
        (Role.PKI_OFFICER, "/admin/certificates"),
        (Role.PKI_OFFICER, "/admin/certificates?q=x&status=expiring&institution=1760001550001&page=2"),
        (Role.PKI_OFFICER, "/admin/authorities"),
        (Role.PKI_OFFICER, "/admin/requests"),
        (Role.PKI_APPROVER, "/admin/requests?status=submitted&profile=tls-server&page=3"),
        (Role.PKI_OFFICER, "/admin/requests/new"),
        (Role.PKI_OFFICER, "/admin/requests/new/tls-server"),
        (Role.PKI_OFFICER, "/admin/requests/new/public-servant-signature"),
        (Role.ADMINISTRATOR, "/admin/applications"),
        (Role.ADMINISTRATOR, "/admin/deliveries"),
        (Role.AUDITOR, "/admin/deliveries?page=2"),
        (Role.ADMINISTRATOR, "/admin/notices"),
        (Role.AUDITOR, "/admin/notices/mail/new_device?language=qu"),
        (Role.ADMINISTRATOR, "/admin/institutions"),
        (Role.ADMINISTRATOR, "/admin/institutions/new"),
        (Role.ADMINISTRATOR, "/admin/people"),
        (Role.AUDITOR, "/admin/people"),
        (Role.ADMINISTRATOR, "/admin/people/search"),
        (Role.AUDITOR, "/admin/audit"),
        (Role.AUDITOR, "/admin/audit?type=idp:*&outcome=success&client=x&since=2026-11-01&until=2026-11-30"),
        (Role.AUDITOR, "/admin/audit/person"),
        (Role.AUDITOR, "/admin/audit/check"),
    ],
)
def test_the_page_shows(make_operator, institution, role: Role, path: str) -> None:
    """With an empty service, in Spanish and English."""
    operator = make_operator(role)
    shown = operator.get(path)
    assert shown.status_code == 200, shown.get_data(as_text=True)
    assert "Salir" in shown.get_data(as_text=True)
    joint = "&" if "?" in path else "?"
    assert operator.get(f"{path}{joint}lang=en").status_code == 200


def test_a_mail_is_shown_as_html_in_a_box_where_nothing_runs(make_operator) -> None:
    """Its own styles, no script, nothing from anywhere; who may not see it and what is no message get no page."""
    shown = make_operator(Role.ADMINISTRATOR).get("/admin/notices/mail/reset_code/html?language=en")
    assert shown.status_code == 200
    policy = shown.headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
    assert "12345678" in shown.text
    assert make_operator(Role.PKI_OFFICER).get("/admin/notices").status_code == 403
    assert make_operator(Role.AUDITOR).get("/admin/notices/mail/nothing").status_code == 404
    assert make_operator(Role.AUDITOR).get("/admin/notices/fax/reset_code").status_code == 404


def test_an_error_under_admin_keeps_the_console_around_it(app, make_operator) -> None:
    """Who works in the console stays in it; elsewhere the page is the citizens'."""
    operator = make_operator(Role.AUDITOR)
    for path, status in (("/admin/nothing", 404), ("/admin/requests/new", 403)):
        shown = operator.get(path)
        assert shown.status_code == status
        assert 'href="/admin">Ir al inicio' in shown.get_data(as_text=True)
        assert 'class="con"' in shown.get_data(as_text=True)
        assert "Referencia" in shown.get_data(as_text=True) or "referencia" in shown.get_data(as_text=True)
    assert "Salir" in operator.get("/admin/requests/new").get_data(as_text=True)
    assert 'class="con"' not in operator.get("/administration").get_data(as_text=True)

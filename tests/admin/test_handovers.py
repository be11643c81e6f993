"""Keys made here at the console: asked for like any certificate, the code shown once, destroyed on demand."""

from __future__ import annotations

import re

from sqlalchemy import select

from admin.permissions import Role
from ca.handover.model import KeyHandover
from composition import Composition
from idp.directory.institutions import Institution
from tests.admin.conftest import Events, MakeOperator

ALL = "/admin/handovers"
NATURAL = f"{ALL}/new/natural-person-signature"
_PERSON = {
    "cedula": "1710034065",
    "given_names": "Rosa",
    "first_surname": "Chimbo",
    "email": "rosa@correo.test",
    "key": "P-256",
}


def test_a_key_is_made_and_its_code_shown_once(
    make_operator: MakeOperator, authority: None, events: Events, composition: Composition
) -> None:
    """Whoever brings no key: the request waits for another person, the code stands on one page alone."""
    officer = make_operator(Role.PKI_OFFICER)
    assert "Todavía no se ha hecho ninguna clave" in officer.get(ALL).text
    assert 'id="make-key"' in officer.get("/admin/requests/new/natural-person-signature").text
    assert "el enlace" in officer.post(NATURAL, _PERSON | {"email": ""}).text
    assert officer.post(NATURAL, _PERSON | {"key": "DSA"}).status_code == 422
    made = officer.post(NATURAL, _PERSON)
    code = re.search(r'id="handover-code">(\d+)<', made.text)
    assert made.status_code == 200, made.text
    assert code
    listed = officer.get(ALL).text
    assert "Espera el certificado" in listed
    assert code[1] not in listed
    assert not any(code[1].encode() in each.leaf for each in events())
    with composition.database.reading() as session:
        handover = session.scalars(select(KeyHandover.id)).one()
    cancel = f"{ALL}/{handover}/cancel"
    assert "se borran para siempre" in officer.get(cancel).text
    assert officer.post(cancel).status_code == 303
    assert officer.post(cancel).status_code == 303, "sent twice"
    assert "Destruida" in officer.get(ALL).text
    kinds = [each.type for each in events() if each.object_id == handover]
    assert kinds == ["ca:handover:prepared", "ca:handover:ended"]
    with composition.database.reading() as session:
        assert session.get_one(KeyHandover, handover).sealed_key is None


def test_a_server_brings_its_key_and_an_institution_sees_its_own(
    make_operator: MakeOperator, authority: None, institution: Institution
) -> None:
    """No key of a server is made here; whoever works for one institution makes none for anybody else."""
    officer = make_operator(Role.PKI_OFFICER)
    assert officer.get(f"{ALL}/new/tls-server").status_code == 404
    assert officer.post(NATURAL, _PERSON).status_code == 200
    bound = make_operator(Role.PKI_OFFICER, name="Luis", institution_ruc=institution.ruc)
    assert "Todavía no se ha hecho ninguna clave" in bound.get(ALL).text
    assert bound.post(NATURAL, _PERSON | {"cedula": "1710034073"}).status_code == 422
    assert bound.get(f"{ALL}/{'0' * 26}/cancel").status_code == 404
    approver = make_operator(Role.PKI_APPROVER, name="Eva")
    assert approver.get(NATURAL).status_code == 403
    assert "Destruir la clave" not in approver.get(ALL).text

"""Many certificates revoked through the real pages: certificate authority, line 18, with a second person."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from admin.permissions import Role
from ca.issuance.model import Certificate
from ca.revocation.mass.run import run_batch
from composition import Composition
from tests.admin.conftest import Operator, make_csr

pytestmark = pytest.mark.usefixtures("authority")
PAGE = "/admin/mass-revocations"


@pytest.fixture
def officer(make_operator) -> Operator:
    """Asks for certificates, and revokes."""
    return make_operator(Role.PKI_OFFICER, name="Olga")


@pytest.fixture
def approver(make_operator) -> Operator:
    """Decides."""
    return make_operator(Role.PKI_APPROVER, name="Pablo")


@pytest.fixture
def serials(officer: Operator, approver: Operator, institution, composition: Composition) -> list[str]:
    """Two certificates of one institution."""
    for name in ("www", "www2"):
        csr = make_csr(f"{name}.ministerio.gob.ec").pem
        asked = officer.post("/admin/requests/new/tls-server", {"institution": institution.ruc, "csr": csr})
        assert asked.status_code == 303, asked.get_data(as_text=True)
        page = asked.location
        shown = approver.post(page, {"decision": "approve"}).get_data(as_text=True)
        found = re.search(r'name="tbs_sha256" value="([0-9a-f]{64})"', shown)
        assert found
        approver.post(page, {"decision": "approve", "step": "confirm", "tbs_sha256": found[1]})
    with composition.database.reading() as session:
        return list(session.scalars(select(Certificate.serial).where(Certificate.institution_ruc == institution.ruc)))


def revoked(composition: Composition) -> set[str]:
    with composition.database.reading() as session:
        return set(session.scalars(select(Certificate.serial).where(Certificate.revoked_at.is_not(None))))


def test_seen_confirmed_and_done(officer: Operator, institution, serials: list[str], composition: Composition) -> None:
    """The form, the summary with what will stop working, the progress; nothing before the confirmation."""
    assert PAGE in officer.get("/admin/certificates").get_data(as_text=True)
    chosen = {"institution": institution.ruc, "reason": "keyCompromise"}
    assert officer.get(f"{PAGE}/new").status_code == 200
    summary = officer.post(f"{PAGE}/new", chosen).get_data(as_text=True)
    assert "¿Revocar 2 certificados?" in summary
    assert "www.ministerio.gob.ec" in summary
    assert revoked(composition) == set()
    begun = officer.post(f"{PAGE}/new", {**chosen, "step": "confirm"})
    assert begun.status_code == 303
    assert "En curso" in officer.get(begun.location).get_data(as_text=True)
    run_batch(composition.ca, begun.location.rpartition("/")[2])
    done = officer.get(begun.location).get_data(as_text=True)
    assert "Terminada" in done
    assert "2 de 2 revocados" in done
    assert revoked(composition) == set(serials)
    assert begun.location in officer.get(PAGE).get_data(as_text=True)


def test_where_two_must_agree_another_one_lets_it_begin(
    officer: Operator, approver: Operator, institution, serials: list[str], composition: Composition
) -> None:
    """Whoever proposed it has no button and no way around it."""
    composition.settings.__dict__["mass_revocation_people"] = 2
    proposed = officer.post(
        f"{PAGE}/new", {"institution": institution.ruc, "reason": "superseded", "step": "confirm"}
    ).location
    own = officer.get(proposed).get_data(as_text=True)
    assert "Espera a otra persona" in own
    assert 'value="approve"' not in own
    assert officer.post(proposed, {"decision": "approve"}).status_code == 409
    assert 'value="approve"' in approver.get(proposed).get_data(as_text=True)
    assert approver.post(proposed, {"decision": "approve"}).status_code == 303
    run_batch(composition.ca, proposed.rpartition("/")[2])
    assert revoked(composition) == set(serials)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reason": "superseded"}, "Elija al menos"),
        ({"institution": "RUC"}, "Elija el motivo"),
        ({"serials": "zz", "reason": "superseded"}, "cifras hexadecimales"),
        ({"serials": "0a0b", "reason": "superseded"}, "Ningún certificado vigente"),
        ({"institution": "RUC", "reason": "superseded", "compromised_at": "2026-01-01T00:00"}, "La fecha solo va"),
    ],
    ids=["nothing", "no-reason", "bad-serial", "nobody", "date-without-compromise"],
)
def test_what_is_wrong_is_said_at_its_field(
    officer: Operator, institution, serials: list[str], composition: Composition, typed: dict[str, str], said: str
) -> None:
    """422, with what to do, and what was typed still there."""
    typed = {name: institution.ruc if value == "RUC" else value for name, value in typed.items()}
    answer = officer.post(f"{PAGE}/new", typed)
    assert (answer.status_code, said in answer.get_data(as_text=True)) == (422, True)
    assert revoked(composition) == set()


def test_an_institution_s_own_officer_reaches_his_institution_alone(
    officer: Operator, make_operator, institution, serials: list[str], composition: Composition
) -> None:
    """What is another's is not even named: neither to be chosen, nor once it was proposed."""
    theirs = make_operator(Role.PKI_OFFICER, name="Inés", institution_ruc="1760013210001")
    chosen = {"institution": institution.ruc, "reason": "superseded"}
    composition.settings.__dict__["mass_revocation_people"] = 2
    proposed = officer.post(f"{PAGE}/new", {**chosen, "step": "confirm"}).location
    assert theirs.get(proposed).status_code == 404
    for decision in ("approve", "refuse"):
        assert theirs.post(proposed, {"decision": decision}, page=f"{PAGE}/new").status_code == 404
    assert proposed not in theirs.get(PAGE).get_data(as_text=True)
    assert "Espera a otra persona" in officer.get(proposed).get_data(as_text=True)
    assert theirs.post(f"{PAGE}/new", chosen).status_code == 404
    assert theirs.post(f"{PAGE}/new", {"serials": serials[0], "reason": "superseded"}).status_code == 404
    assert revoked(composition) == set()

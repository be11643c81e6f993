"""SCIM 2.0 through its endpoints: an institution's personnel system, and nobody else's people."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from idp.accounts.model import PersonRow
from idp.rights.provisioning.filter import parse_filter
from idp.rights.provisioning.users import PERSON
from kernel.errors import Rejected
from tests.idp.relying_party import register
from tests.idp.rights.conftest import Office
from tests.idp.rights.personnel import METADATA, Personnel


def test_a_person_is_linked_changed_and_leaves(office: Office, personnel: Personnel) -> None:
    """§3.3, §3.5: with versions; deactivating takes every role that the institution gave."""
    servant = office.person(0)
    made = personnel.create(servant.cedula, title="Analista", externalId="E-7")
    assert made.status_code == 201
    user = made.get_json()
    assert (user["title"], user["externalId"], user["active"]) == ("Analista", "E-7", True)
    assert servant.cedula not in made.get_data(as_text=True), "nothing of the account is told"
    assert servant.name not in made.get_data(as_text=True)
    assert personnel.create(servant.cedula).status_code == 409
    office.assign(servant, "reader")
    path, version = f"/Users/{user['id']}", made.headers["ETag"]
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "Jefa"}]}
    changed = personnel.send("PATCH", path, patch, **{"If-Match": version})
    assert changed.get_json()["title"] == "Jefa"
    assert personnel.send("PATCH", path, patch, **{"If-Match": version}).status_code == 412
    assert personnel.send("PUT", path, {"title": "Directora"}).get_json()["title"] == "Directora"
    assert office.roles(servant) == ["reader"]
    left = personnel.send("PATCH", path, {"Operations": [{"op": "replace", "value": {"active": False}}]})
    assert left.get_json()["active"] is False
    assert office.roles(servant) == []
    assert personnel.send("DELETE", path).status_code == 204
    assert (
        personnel.send("PATCH", path, {"Operations": [{"op": "add", "path": "active", "value": True}]}).status_code
        == 409
    )
    again = personnel.create(servant.cedula)
    assert again.status_code == 201
    assert office.roles(servant) == []


def test_only_verified_people_are_linked_and_no_account_is_touched(office: Office, personnel: Personnel) -> None:
    """Absent and not verified look the same; a link changes nothing of the account."""
    servant = office.person(0)
    with office.composition.database.transaction() as session:
        session.get_one(PersonRow, servant.id).level = 1
    absent, weak = personnel.create("0926687906"), personnel.create(servant.cedula)
    assert (absent.status_code, weak.status_code) == (400, 400)
    assert absent.get_data() == weak.get_data()
    body = {"userName": "x", "emails": [{"value": "evil@example.test"}], PERSON: {"cedula": office.person(1).cedula}}
    assert personnel.send("POST", "/Users", body).status_code == 201
    with office.composition.database.reading() as session:
        assert session.get_one(PersonRow, office.person(1).id).email == office.person(1).email


def test_another_institutions_people_are_unknown(office: Office, http: FlaskClient, personnel: Personnel) -> None:
    """404 by id, nothing in lists."""
    servant = office.person(0)
    belonging = office.hire(servant, office.agency)
    for method in ("GET", "PUT", "DELETE"):
        assert personnel.send(method, f"/Users/{belonging.id}", {}).status_code == 404
    assert personnel.send("GET", "/Users").get_json()["totalResults"] == 0
    other = Personnel(office.composition, http, office.agency)
    assert other.send("GET", "/Users").get_json()["totalResults"] == 1


def test_lists_are_filtered_in_pages(office: Office, personnel: Personnel) -> None:
    """§3.4.2: filter, startIndex, count."""
    for index in range(3):
        assert personnel.create(office.person(index).cedula, userName=f"user{index}").status_code == 201
    found = personnel.send("GET", "/Users?filter=userName%20eq%20%22USER1%22").get_json()
    assert [each["userName"] for each in found["Resources"]] == ["user1"]
    page = personnel.send("GET", "/Users?startIndex=2&count=1").get_json()
    assert (page["totalResults"], page["itemsPerPage"], page["Resources"][0]["userName"]) == (3, 1, "user1")
    bad = personnel.send("GET", "/Users?filter=name%20eq%20%22x%22")
    assert (bad.status_code, bad.get_json()["scimType"]) == (400, "invalidFilter")


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('userName eq "ana"', True),
        ('userName sw "b" or (title co "jefe" and active eq true)', True),
        ('not (userName eq "ana")', False),
        ("externalId pr", False),
        ('title ew "zona" AND userName ne "x"', True),
    ],
    ids=range(5),
)
def test_filters_say_what_they_mean(text: str, matches: bool) -> None:
    """§3.4.2.2."""
    names = {"username": "userName", "title": "title", "active": "active", "externalid": "externalId"}
    asked = parse_filter(text, attributes=names)
    assert asked({"userName": "Ana", "title": "Jefe de zona", "active": True}) is matches


@pytest.mark.parametrize(
    "text",
    ["", "x", "userName", "userName eq", "userName xx 1", "(" * 40, 'userName eq "a" junk', "not " * 50, "'"],
    ids=range(9),
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    """And nothing deep or long is walked."""
    with pytest.raises(Rejected):
        parse_filter(text, attributes={"username": "userName"})


def test_only_a_token_of_an_institution_for_this_api_opens_it(office: Office, personnel: Personnel) -> None:
    """401 with the challenge; what is served is told to anyone."""
    answer = personnel.http.get("/scim/v2/Users")
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    nobody = register(office.composition, **METADATA)
    token = personnel.http.post("/token", data={"grant_type": "client_credentials"}, headers=nobody.basic()).get_json()[
        "access_token"
    ]
    refused = personnel.http.get("/scim/v2/Users", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 401, "no institution answers for it"
    for path in ("ServiceProviderConfig", "ResourceTypes", "Schemas"):
        assert personnel.http.get(f"/scim/v2/{path}").status_code == 200

"""SCIM groups through their endpoints: roles of the institution, and whom its personnel system put into them."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from idp.accounts.person import Person
from idp.clients.client import find_client
from idp.clients.client_secret import rotate_secret
from idp.rights.assignment import find_assignment
from idp.rights.model import AssignmentRow
from idp.rights.provisioning.groups import ROLE
from kernel.errors import Denied
from tests.idp.rights.conftest import Office
from tests.idp.rights.personnel import Personnel


def group_of(personnel: Personnel, name: str) -> dict[str, Any]:
    """Return the group of a role."""
    found = personnel.send("GET", f"/Groups?filter={ROLE}:name%20eq%20%22{name}%22").get_json()
    assert found["totalResults"] == 1
    group: dict[str, Any] = found["Resources"][0]
    return group


def users(personnel: Personnel, people: list[Person]) -> list[str]:
    """Link people and return the ids of their users."""
    return [personnel.create(each.cedula, userName=f"u{number}").get_json()["id"] for number, each in enumerate(people)]


def patch(kind: str, path: str | None, value: Any = None) -> dict[str, Any]:
    """Return a PATCH of one operation."""
    operation = {"op": kind, "path": path, "value": value}
    return {"Operations": [{name: each for name, each in operation.items() if each is not None}]}


def members(document: dict[str, Any]) -> list[str]:
    """Return the ids of members."""
    return [each["value"] for each in document["members"]]


def test_people_are_put_into_a_role_and_taken_out(office: Office, personnel: Personnel) -> None:
    """§3.5.2: add, add again, remove by a path with a filter and by a list; each answer with its version."""
    people = [office.person(0), office.person(1)]
    first, second = users(personnel, people)
    group = group_of(personnel, "reader")
    assert members(group) == []
    path = f"/Groups/{group['id']}"
    both = [{"value": first}, {"value": second}]
    for _ in range(2):
        answer = personnel.send("PATCH", path, patch("add", "members", both))
        assert (answer.status_code, members(answer.get_json())) == (200, sorted([first, second]))
    assert [office.roles(each) for each in people] == [["reader"], ["reader"]]
    assert office.events("idp:assignment:granted") == [("success", None)] * 2
    old = group["meta"]["version"]
    assert personnel.send("PATCH", path, patch("remove", "members"), **{"If-Match": old}).status_code == 412
    answer = personnel.send("PATCH", path, patch("remove", f'members[value eq "{first}"]'))
    assert members(answer.get_json()) == [second]
    assert answer.headers["ETag"] == answer.get_json()["meta"]["version"]
    replaced = personnel.send("PUT", path, {"members": [{"value": first}]}, **{"If-Match": answer.headers["ETag"]})
    assert members(replaced.get_json()) == [first]
    assert [office.roles(each) for each in people] == [["reader"], []]
    assert members(personnel.send("PATCH", path, patch("remove", "members", [{"value": first}])).get_json()) == []


def test_what_a_person_gave_is_not_the_systems(office: Office, personnel: Personnel) -> None:
    """Neither shown nor taken away; given twice it is a conflict, and then nothing of the request is done."""
    held, free = office.person(0), office.person(1)
    first, second = users(personnel, [held, free])
    office.assign(held, "reader")
    group = group_of(personnel, "reader")
    path = f"/Groups/{group['id']}"
    assert members(group) == []
    assert personnel.send("PUT", path, {"members": []}).status_code == 200
    assert office.roles(held) == ["reader"]
    both = personnel.send("PUT", path, {"members": [{"value": first}, {"value": second}]})
    assert (both.status_code, both.get_json()["scimType"]) == (409, "uniqueness")
    assert office.roles(free) == []


def test_a_role_with_a_second_person_waits(office: Office, personnel: Personnel) -> None:
    """It is proposed once; approved it is a membership, taken back it is nothing."""
    chief = {"name": "chief", "es": "Jefatura", "en": "Chief", "permissions": ["audit"], "needs_approval": True}
    office.declare(roles=[chief])
    servant = office.person(0)
    (user,) = users(personnel, [servant])
    group = group_of(personnel, "chief")
    assert group[ROLE]["needsApproval"] is True
    path = f"/Groups/{group['id']}"
    for _ in range(2):
        told = personnel.send("PATCH", path, patch("add", "members", [{"value": user}])).get_json()
        assert (members(told), [each["value"] for each in told[ROLE]["waiting"]]) == ([], [user])
    assert office.events("idp:assignment:proposed") == [("success", None)]
    assert office.roles(servant) == []
    assert personnel.send("PUT", path, {"members": []}).get_json()[ROLE]["waiting"] == []


def test_whoever_gave_the_system_its_secret_does_not_approve_what_it_proposed(
    office: Office, personnel: Personnel
) -> None:
    """He may have kept it, and proposed it himself; another person approves."""
    chief = {"name": "chief", "es": "Jefatura", "en": "Chief", "permissions": ["audit"], "needs_approval": True}
    office.declare(roles=[chief])
    keeper, other, servant = office.person(0), office.person(1), office.person(2)
    for each in (keeper, other):
        office.hire(each)
        office.delegate(each, "chief", may_assign=False, may_approve=True)
    with office.composition.database.transaction() as session:
        rotate_secret(
            session,
            journal=office.composition.journal,
            client=find_client(session, personnel.client_id),
            actor=keeper.id,
            now=office.now,
        )
    (user,) = users(personnel, [servant])
    path = f"/Groups/{group_of(personnel, 'chief')['id']}"
    assert personnel.send("PATCH", path, patch("add", "members", [{"value": user}])).status_code == 200
    with office.composition.database.reading() as session:
        waiting = session.scalars(select(AssignmentRow.id).where(AssignmentRow.person_id == servant.id)).one()
        proposed = find_assignment(session, waiting, institution_id=office.ministry.id)
    with pytest.raises(Denied, match="own_proposal"):
        office.decide(proposed, keeper.id)
    office.decide(proposed, other.id)
    assert office.roles(servant) == ["chief"]


def test_sensitive_roles_are_given_by_people(office: Office, personnel: Personnel) -> None:
    """403, on record."""
    (user,) = users(personnel, [office.person(0)])
    path = f"/Groups/{group_of(personnel, 'voider')['id']}"
    assert personnel.send("PATCH", path, patch("add", "members", [{"value": user}])).status_code == 403
    assert office.events("idp:assignment:denied") == [("refused", "sensitive_role")]


def test_roles_are_declared_by_applications_alone(office: Office, personnel: Personnel) -> None:
    """Nothing is made, renamed or deleted; what is not served says so."""
    group = group_of(personnel, "reader")
    path = f"/Groups/{group['id']}"
    assert personnel.send("POST", "/Groups", {"displayName": "Jefes"}).status_code == 501
    assert personnel.send("DELETE", path).status_code == 501
    for body in (patch("replace", "displayName", "x"), patch("replace", None, {"displayName": "x"})):
        answer = personnel.send("PATCH", path, body)
        assert (answer.status_code, answer.get_json()["scimType"]) == (400, "mutability")
    assert personnel.send("PUT", path, {"displayName": "x"}).get_json()["scimType"] == "mutability"
    assert personnel.send("PUT", path, {"displayName": group["displayName"]}).status_code == 200
    for method, address in (("POST", "/Bulk"), ("GET", "/Me")):
        assert personnel.send(method, address, {}).status_code == 501
    assert personnel.http.post("/scim/v2/Groups", json={}).status_code == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "invalidValue"),
        (patch("move", "members", []), "invalidValue"),
        (patch("add", "members", [{"value": "01nobody"}]), "invalidValue"),
        (patch("add", "members", ["x"]), "invalidValue"),
        (patch("add", "members"), "invalidValue"),
        (patch("add", "roles", []), "noTarget"),
        (patch("remove", "displayName"), "noTarget"),
    ],
    ids=range(7),
)
def test_what_is_no_change_is_refused(personnel: Personnel, body: dict[str, Any], kind: str) -> None:
    """§3.12: with the kind of error."""
    answer = personnel.send("PATCH", f"/Groups/{group_of(personnel, 'reader')['id']}", body)
    assert (answer.status_code, answer.get_json()["scimType"]) == (400, kind)


def test_each_institution_sees_its_own(office: Office, http: FlaskClient, personnel: Personnel) -> None:
    """Another's members are not shown, its people cannot be named, and a role that it may not use is unknown."""
    servant = office.person(0)
    (user,) = users(personnel, [servant])
    group = group_of(personnel, "reader")
    personnel.send("PATCH", f"/Groups/{group['id']}", patch("add", "members", [{"value": user}]))
    other = Personnel(office.composition, http, office.agency)
    assert members(group_of(other, "reader")) == []
    refused = other.send("PATCH", f"/Groups/{group['id']}", patch("add", "members", [{"value": user}]))
    assert refused.status_code == 400
    office.declare(institutions=[office.ministry.ruc])
    assert other.send("GET", f"/Groups/{group['id']}").status_code == 404
    assert other.send("GET", "/Groups").get_json()["totalResults"] == 0
    assert office.roles(servant) == ["reader"]


def test_lists_come_in_pages_and_without_members(office: Office, personnel: Personnel) -> None:
    """§3.4.2, §3.9; and who leaves is a member no more."""
    servant = office.person(0)
    (user,) = users(personnel, [servant])
    group = group_of(personnel, "reader")
    personnel.send("PATCH", f"/Groups/{group['id']}", patch("add", "members", [{"value": user}]))
    page = personnel.send("GET", "/Groups?startIndex=2&count=1").get_json()
    assert (page["totalResults"], page["itemsPerPage"], page["Resources"][0][ROLE]["name"]) == (3, 1, "reader")
    bare = personnel.send("GET", f"/Groups/{group['id']}?excludedAttributes=members").get_json()
    assert "members" not in bare
    named = personnel.send("GET", f"/Groups?filter=displayName%20eq%20%22{group['displayName']}%22").get_json()
    assert [each["id"] for each in named["Resources"]] == [group["id"]]
    personnel.send("DELETE", f"/Users/{user}")
    assert members(personnel.send("GET", f"/Groups/{group['id']}").get_json()) == []


def test_what_is_served_is_described(personnel: Personnel) -> None:
    """RFC 7643 §5 to §7: each by its own address too."""
    kinds = {each["id"]: each for each in personnel.send("GET", "/ResourceTypes").get_json()["Resources"]}
    assert kinds["Group"]["endpoint"] == "/Groups"
    known = {each["id"] for each in personnel.send("GET", "/Schemas").get_json()["Resources"]}
    for kind in kinds.values():
        assert {kind["schema"], *(each["schema"] for each in kind["schemaExtensions"])} <= known
        assert personnel.send("GET", f"/ResourceTypes/{kind['id']}").get_json() == kind
    assert personnel.send("GET", f"/Schemas/{ROLE}").get_json()["name"] == "Role"
    assert personnel.send("GET", "/Schemas/x").status_code == 404
    config = personnel.send("GET", "/ServiceProviderConfig").get_json()
    assert (config["bulk"]["supported"], config["etag"]["supported"], config["sort"]["supported"]) == (
        False,
        True,
        False,
    )


def test_a_member_that_is_no_text_is_refused(office: Office, personnel: Personnel) -> None:
    """U+0000 and a lone surrogate are JSON to some, and nothing that a database looks for; depth ends a parser."""
    path = f"/scim/v2/Groups/{group_of(personnel, 'reader')['id']}"
    for value in ('"a\\u0000b"', '"\\ud800"', "[" * 50_000):
        answer = personnel.http.put(path, data=f'{{"members":[{{"value":{value}}}]}}', headers=personnel.headers)
        assert (answer.status_code, answer.get_json()["scimType"]) == (400, "invalidValue")

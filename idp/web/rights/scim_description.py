"""What is served of SCIM, as a program reads it (RFC 7643 §5 to §7, RFC 7644 §4); told to anyone."""

from __future__ import annotations

from typing import Any

from flask import Response

from idp.clients.own_apis import PROVISIONING
from idp.rights.provisioning.groups import GROUP, ROLE
from idp.rights.provisioning.users import MOST_USERS, PERSON, USER
from idp.web.rights.scim import SCOPE, as_json, base, blueprint, listed, problem

_RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"


@blueprint.get("/ServiceProviderConfig")
def configuration() -> Response:
    """Return what is served (RFC 7643 §5)."""
    no = {"supported": False}
    return as_json(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": True},
            "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": True, "maxResults": MOST_USERS},
            "changePassword": no,
            "sort": no,
            "etag": {"supported": True},
            "authenticationSchemes": [
                {"type": "oauthbearertoken", "name": "OAuth", "description": f"Token for {PROVISIONING}, scope {SCOPE}"}
            ],
        }
    )


@blueprint.get("/ResourceTypes")
def resource_types() -> Response:
    """Return what kinds of resources there are (RFC 7643 §6)."""
    return listed(_resource_types())


@blueprint.get("/ResourceTypes/<name>")
def resource_type(name: str) -> Response:
    """Return one kind."""
    return _one(_resource_types(), name)


@blueprint.get("/Schemas")
def schemas() -> Response:
    """Return the attributes (RFC 7643 §7)."""
    return listed(_schemas())


@blueprint.get("/Schemas/<name>")
def schema(name: str) -> Response:
    """Return the attributes of one schema."""
    return _one(_schemas(), name)


def _one(among: list[dict[str, Any]], name: str) -> Response:
    found = next((each for each in among if each["id"] == name), None)
    return as_json(found) if found else problem(404, "There is nothing of this name.", None)


def _resource_types() -> list[dict[str, Any]]:
    def kind(name: str, schema: str, extension: str, *, required: bool) -> dict[str, Any]:
        return {
            "schemas": [_RESOURCE_TYPE],
            "id": name,
            "name": name,
            "endpoint": f"/{name}s",
            "schema": schema,
            "schemaExtensions": [{"schema": extension, "required": required}],
            "meta": {"resourceType": "ResourceType", "location": f"{base()}/ResourceTypes/{name}"},
        }

    return [kind("User", USER, PERSON, required=True), kind("Group", GROUP, ROLE, required=False)]


def _schemas() -> list[dict[str, Any]]:
    def attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
        return {"name": name, "type": kind, "multiValued": False, "mutability": "readWrite", **more}

    def users(name: str, mutability: str) -> dict[str, Any]:
        inner = [
            attribute("value", mutability="immutable", required=True),
            attribute("$ref", "reference", mutability="readOnly", referenceTypes=["User"]),
            attribute("type", mutability="readOnly", canonicalValues=["User"]),
        ]
        return attribute(name, "complex", multiValued=True, mutability=mutability, subAttributes=inner)

    read = {"mutability": "readOnly"}
    told = {
        USER: ("User", [attribute("userName", required=True), attribute("title"), attribute("active", "boolean")]),
        PERSON: ("Person", [attribute("cedula", required=True, mutability="writeOnly", returned="never")]),
        GROUP: ("Group", [attribute("displayName", **read), users("members", "readWrite")]),
        ROLE: (
            "Role",
            [
                attribute("application", **read),
                attribute("name", **read),
                attribute("needsApproval", "boolean", **read),
                attribute("sensitive", "boolean", **read),
                users("waiting", "readOnly"),
            ],
        ),
    }
    return [
        {
            "schemas": [_SCHEMA],
            "id": identifier,
            "name": name,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"{base()}/Schemas/{identifier}"},
        }
        for identifier, (name, attributes) in told.items()
    ]

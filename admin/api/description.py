"""The API described for programs (OpenAPI 3.1), from the declarations of its operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from admin.api.examples import body_example, example_of
from admin.api.operation import Operation
from admin.api.paging import MOST
from admin.api.scopes import scope_for
from idp.clients.own_apis import ADMINISTRATION_SCOPES

_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "errors": {
            "type": "array",
            "description": "Members of the body that are wrong (RFC 9457 §3): where (RFC 6901), and why.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": _TEXT, "detail": _TEXT},
            },
        },
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Made by you for this one change, a UUID say. Sent again with the same body within 24 hours, it is "
    "answered as the first time and nothing is done twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "0b1e6f6e-5d5c-4b3a-9c59-2f8b7a1d4e90",
}
_REFUSALS = {
    "400": "Something in the request does not fit.",
    "401": "No token, one that opens nothing, or a login that is too old or too weak (RFC 9470).",
    "403": "The token's scopes or the roles behind it do not include this.",
    "404": "There is no such thing, or it is out of reach.",
    "429": "Too many calls: wait as Retry-After says.",
}
_OF_CHANGES = {
    "409": "It cannot be done as things stand, or the first call with this Idempotency-Key is being answered still.",
    "412": "It is not what If-Match names any more.",
    "413": "The body is too large.",
    "415": "The body is no JSON.",
    "422": "Members of the body do not fit, or the Idempotency-Key stood for another call.",
    "428": "Send If-Match.",
}


def describe_api(operations: Iterable[Operation], *, issuer: str, prefix: str) -> dict[str, Any]:
    """Return the OpenAPI document. :param issuer: the service's origin. :param prefix: the API's path."""
    every = tuple(operations)
    models: dict[str, type[BaseModel]] = {each.item.__name__: each.item for each in every}
    bodies: dict[str, type[BaseModel]] = {each.body.__name__: each.body for each in every if each.changes}
    _, schemas = models_json_schema(
        [
            *((model, "serialization") for model in models.values()),
            *((model, "validation") for model in bodies.values()),
        ],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for each in every:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    scopes = dict(ADMINISTRATION_SCOPES)
    return {
        "openapi": "3.1.0",
        "info": {"title": "SAU console", "version": "1"},
        "servers": [{"url": f"{issuer}{prefix}"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Problem": _PROBLEM},
            "securitySchemes": {
                "oauth2": {
                    "type": "oauth2",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": f"{issuer}/authorize",
                            "tokenUrl": f"{issuer}/token",
                            "scopes": scopes,
                        }
                    },
                }
            },
        },
    }


def _operation(each: Operation) -> dict[str, Any]:
    item, example = {"$ref": f"#/components/schemas/{each.item.__name__}"}, example_of(each.item)
    schema: dict[str, Any] = item
    shown: dict[str, Any] = example
    if each.key:
        schema = {
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {"items": {"type": "array", "items": item}, "next_cursor": _TEXT},
        }
        shown = {"items": [example], "next_cursor": ""}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = {**_REFUSALS, **(_OF_CHANGES if each.changes else {})}
    described: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "description": _told(each),
        "security": [{"oauth2": [scope_for(each.permission)]}],
        "parameters": _parameters(each),
        "responses": {
            str(each.status): {
                "description": each.summary,
                "headers": {"ETag": {"schema": _TEXT}},
                "content": {"application/json": {"schema": schema, "example": shown}},
            },
            **({} if each.changes else {"304": {"description": "What you have is the present one."}}),
            **{status: {"description": told, "content": problem} for status, told in sorted(refusals.items())},
        },
    }
    if each.changes:
        body = {"schema": {"$ref": f"#/components/schemas/{each.body.__name__}"}, "example": body_example(each.body)}
        described["requestBody"] = {
            "required": any(field.is_required() for field in each.body.model_fields.values()),
            "content": {"application/json": body},
        }
    return described


def _told(each: Operation) -> str:
    told = f"Needs the permission `{each.permission.value}`"
    told += ", and a login of the last 15 minutes." if each.fresh else "."
    return told


def _parameters(each: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 128}}
        for name in re.findall(r"{(\w+)}", each.path)
    ]
    if each.changes:
        found.append(_KEY)
        if each.shown_by:
            found.append({"name": "If-Match", "in": "header", "required": each.needs_match, "schema": _TEXT})
        return found
    found.append({"name": "If-None-Match", "in": "header", "schema": _TEXT})
    found += [{"name": name, "in": "query", "schema": {"type": "string", "maxLength": 200}} for name in each.filters]
    if each.key:
        found.append({"name": "cursor", "in": "query", "schema": _TEXT})
        found.append({"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MOST}})
    return found

"""The API described for programs (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from ca.api.caller import PREFIX, Scope
from ca.revocation.reason import FINAL_REASONS

_TEXT = {"type": "string"}
_WHEN = {"type": "string", "format": "date-time"}
_MAYBE_WHEN = {"type": ["string", "null"], "format": "date-time"}
_MAYBE = {"type": ["string", "null"]}
_NAMES = {"type": "array", "items": _TEXT}


def api_description(issuer: str) -> dict[str, Any]:
    """Return the OpenAPI document. :param issuer: the service's origin."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "SAU certificate authority", "version": "1"},
        "servers": [{"url": f"{issuer}{PREFIX}"}],
        "paths": {
            "/openapi.json": {"get": _operation("This document.", None, "description", {"type": "object"})},
            "/profiles": {"get": _operation("Kinds of certificates.", Scope.READ, "profiles", _listed("Profile"))},
            "/requests": {
                "get": _operation("Your institution's requests.", Scope.READ, "requests", _page("Request"), _PAGING),
                "post": _submission(),
            },
            "/requests/{request_id}": {
                "get": _operation("One request.", Scope.READ, "request", _ref("Request"), [_in_path("request_id")])
            },
            "/certificates": {
                "get": _operation("Your certificates.", Scope.READ, "certificates", _page("Certificate"), _PAGING)
            },
            "/certificates/{serial}": {
                "get": _operation(
                    "One certificate.", Scope.READ, "certificate", _ref("Certificate"), [_in_path("serial")]
                )
            },
            "/certificates/{serial}/chain": {"get": _chain()},
            "/certificates/{serial}/revocation": {"post": _revocation()},
            "/certificates/{serial}/hold": {"post": _suspension("Suspend it until it is released.", "hold")},
            "/certificates/{serial}/release": {"post": _suspension("Take up what you suspended.", "release")},
        },
        "components": {"schemas": _schemas(), "securitySchemes": _security(issuer)},
    }


def _operation(
    summary: str,
    scope: Scope | None,
    told: str,
    schema: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": told,
        **({"security": [{"oauth2": [scope.value]}]} if scope else {}),
        **({"parameters": parameters} if parameters else {}),
        "responses": {"200": {"description": told, "content": {"application/json": {"schema": schema}}}, **_problems()},
    }


def _submission() -> dict[str, Any]:
    operation = _operation("Ask for a certificate.", Scope.REQUEST, "submission", _ref("Submission"))
    content = operation["responses"].pop("200")["content"]
    operation["responses"] |= {
        "201": {"description": "Issued.", "content": content},
        "202": {"description": "Two people decide; look at the request, or send it again.", "content": content},
    }
    operation["parameters"] = [{"name": "Idempotency-Key", "in": "header", "schema": _TEXT}]
    operation["requestBody"] = _body(
        {
            "type": "object",
            "required": ["profile", "csr"],
            "additionalProperties": False,
            "properties": {
                "profile": _TEXT,
                "csr": {"type": "string", "description": "PKCS #10 in PEM."},
                "fields": {"type": "object", "additionalProperties": _TEXT},
            },
        }
    )
    return operation


def _chain() -> dict[str, Any]:
    operation = _operation("It and those above it.", Scope.READ, "chain", {}, [_in_path("serial")])
    operation["responses"]["200"]["content"] = {"application/pem-certificate-chain": {"schema": _TEXT}}
    return operation


def _revocation() -> dict[str, Any]:
    operation = _operation("Revoke it for good.", Scope.REVOKE, "revocation", _ref("Certificate"), [_in_path("serial")])
    operation["requestBody"] = _body(
        {
            "type": "object",
            "required": ["reason"],
            "additionalProperties": False,
            "properties": {
                "reason": {"type": "string", "enum": [reason.value for reason in FINAL_REASONS]},
                "compromised_at": _WHEN,
            },
        }
    )
    return operation


def _suspension(summary: str, told: str) -> dict[str, Any]:
    return _operation(summary, Scope.REVOKE, told, _ref("Certificate"), [_in_path("serial")])


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _problems() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"default": {"description": "A problem (RFC 9457).", "content": content}}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _listed(name: str) -> dict[str, Any]:
    return _object(items={"type": "array", "items": _ref(name)})


def _page(name: str) -> dict[str, Any]:
    return _object(items={"type": "array", "items": _ref(name)}, next_cursor=_TEXT)


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_PAGING = [
    {"name": "cursor", "in": "query", "schema": _TEXT},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
]


def _schemas() -> dict[str, Any]:
    named: dict[str, Any] = {"profile": _TEXT, "subject": _TEXT, "names": _NAMES, "serial": _TEXT}
    return {
        "Profile": _object(name=_TEXT, title=_TEXT, people={"type": "integer"}, fields=_NAMES),
        "Request": _object(id=_TEXT, status=_TEXT, **named, created_at=_WHEN, expires_at=_WHEN, refusal_reason=_MAYBE),
        "Certificate": _object(
            **named, sha256=_TEXT, not_before=_WHEN, not_after=_WHEN, revoked_at=_MAYBE_WHEN, revocation_reason=_MAYBE
        ),
        "Submission": _object(request=_TEXT, status=_TEXT, serial=_MAYBE, chain=_MAYBE),
        "Problem": _object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT, code=_TEXT),
    }


def _security(issuer: str) -> dict[str, Any]:
    scopes = {
        Scope.READ.value: "Look at requests and certificates of the institution.",
        Scope.REQUEST.value: "Ask for certificates.",
        Scope.REVOKE.value: "Revoke and suspend certificates of the institution.",
    }
    flow = {"tokenUrl": f"{issuer}/token", "scopes": scopes}
    return {"oauth2": {"type": "oauth2", "flows": {"clientCredentials": flow}}}

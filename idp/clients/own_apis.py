"""APIs of this service that applications call for themselves, by the resource that they register."""

from __future__ import annotations

DECISIONS = "urn:sau:authzen:v1"
PROVISIONING = "urn:sau:scim:v1"
#: Scopes by resource. No person is asked about them: a token that stands for a person opens none of these.
OWN_APIS: dict[str, frozenset[str]] = {DECISIONS: frozenset({"authzen"}), PROVISIONING: frozenset({"scim"})}

"""Forms of directories and of other providers by the API. A password or a secret goes in and never out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from admin.api.bounds import Id, Ruc
from admin.api.operation import Document

_Text = Annotated[str, Field(min_length=1, max_length=400)]
_Domain = Annotated[str, Field(min_length=1, max_length=253)]
_Secret = Annotated[str, Field(min_length=1, max_length=400)]
_KEPT = "Null: the one that stands stays."


class DirectorySettings(Document):
    """How a directory is asked, and what it is believed."""

    kind: Literal["active-directory", "ldap"] = Field(
        default="ldap", examples=["ldap"], description="Where filters and attributes that are not said begin."
    )
    domains: list[_Domain] = Field(min_length=1, max_length=40, examples=[["mintel.gob.ec"]])
    urls: list[_Text] = Field(min_length=1, max_length=4, examples=[["ldaps://ad1.mintel.gob.ec:636"]])
    ca_pem: str = Field(default="", max_length=40_000, description="Empty: the system's authorities.")
    search_base: _Text = Field(examples=["dc=mintel,dc=gob,dc=ec"])
    username_filter: str = Field(default="", max_length=400)
    cedula_filter: str = Field(default="", max_length=400)
    attributes: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=100)]] = Field(
        default={}, max_length=10, examples=[{"cedula": "employeeNumber"}]
    )
    bind_dn: str = Field(default="", max_length=400, examples=["cn=sau,dc=mintel,dc=gob,dc=ec"])
    bind_template: str = Field(default="", max_length=400, description="Instead of `bind_dn`.")
    creates_people: bool = False
    level: Literal[1, 2] = 1
    asked_by_cedula: bool = False
    nested_groups: int = Field(default=0, ge=0, le=5)


class DirectorySettingsDocument(DirectorySettings):
    """The same, as it stands."""

    version: int


class ChangedDirectory(DirectorySettings):
    """A directory described anew. Its password stays only while servers, authority and searcher stay."""

    password: _Secret | None = Field(default=None, description=_KEPT)
    unanswered: bool = Field(default=False, description="Keep it although none of its servers answers.")


class NewDirectory(ChangedDirectory):
    """A directory to add. Its servers are tried first."""

    name: str = Field(min_length=1, max_length=40, examples=["mintel"])
    institution_ruc: Ruc


class ProviderSettings(Document):
    """How another provider is asked, and what it is believed."""

    title: str = Field(default="", max_length=200, examples=["Ministerio de Salud"])
    client_id: str = Field(min_length=1, max_length=200, examples=["sau"], description="Ours there.")
    proof: Literal["secret", "key"] = Field(default="secret", examples=["secret"])
    scopes: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default=[], max_length=20)
    domains: list[_Domain] = Field(default=[], max_length=40, examples=[["salud.gob.ec"]])
    cedula_claim: str = Field(default="", max_length=100, examples=["cedula"])
    strengths: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=40)]] = Field(
        default={}, max_length=20
    )
    level: Literal[1, 2] = 1
    creates_people: bool = False
    groups_claim: str = Field(default="", max_length=100)
    logs_out_there: bool = False


class ProviderSettingsDocument(ProviderSettings):
    """The same, as it stands."""

    active: bool


class ChangedProvider(ProviderSettings):
    """A provider described anew: it is asked again what it says of itself."""

    secret: _Secret | None = Field(default=None, description=_KEPT)


class NewProvider(ChangedProvider):
    """A provider to add."""

    name: str = Field(min_length=1, max_length=40, examples=["salud"])
    institution_ruc: Ruc
    issuer: str = Field(min_length=1, max_length=400, examples=["https://sso.salud.gob.ec"])


class GroupRoleDocument(Document):
    """Whoever is in a group has a role of an application."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XK:cn=caja,dc=mintel"], description="Role and group.")
    group: str = Field(examples=["cn=caja,dc=mintel,dc=gob,dc=ec"])
    role_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XK"])
    role: str = Field(examples=["cajero"])
    client_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XD"])
    mapped: bool


class GroupRole(Document):
    """A line of the table: said twice is said once. ``mapped`` false takes it away."""

    group: str = Field(min_length=1, max_length=500, examples=["cn=caja,dc=mintel,dc=gob,dc=ec"])
    role_id: Id
    mapped: bool = Field(default=True, examples=[True])

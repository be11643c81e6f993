"""Tables of accounts, orders and proofs of control."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class Credential(Base):
    """What an operator gives an institution, so that its machines may open accounts (RFC 8555 §7.3.4).

    ``domains``: the only ones that its accounts may ask for names under; empty: those registered for the institution.
    ``accounts_left``: how many accounts may still be opened with it.
    """

    __tablename__ = "ca_acme_credential"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)  # the "kid" of the binding
    institution_ruc: Mapped[str] = mapped_column(String(13), index=True)
    domains: Mapped[list[str]]
    key_sealed: Mapped[bytes]  # the MAC key: a signature is checked with it, so a digest would not do
    accounts_left: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(index=True)
    created_by: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime | None]  # no account is opened after it; those that are open stay
    revoked_at: Mapped[datetime | None]  # its accounts are closed with it


class Account(Base):
    """An account: a public key, bound to an institution by its credential. ``status``: ``valid``, ``deactivated``
    (by itself) or ``revoked`` (by an operator)."""

    __tablename__ = "ca_acme_account"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    credential_id: Mapped[str] = mapped_column(ForeignKey("ca_acme_credential.id"), index=True)
    status: Mapped[str] = mapped_column(String(11))
    jwk: Mapped[dict[str, Any]]  # the public key's required members only
    thumbprint: Mapped[str] = mapped_column(String(43), unique=True)  # RFC 7638
    spki_sha256: Mapped[str] = mapped_column(String(64), index=True)
    contacts: Mapped[list[str]]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Order(Base):
    """An order. ``status`` as RFC 8555 §7.1.6, except that one past ``expires_at`` may still say pending or ready."""

    __tablename__ = "ca_acme_order"
    __table_args__ = (Index("ix_ca_acme_order_open", "account_id", "status"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("ca_acme_account.id"))
    status: Mapped[str] = mapped_column(String(10))
    profile: Mapped[str] = mapped_column(String(64))
    profile_named: Mapped[bool]  # whether the client named it: then the order repeats it
    names: Mapped[list[str]]  # dNSNames, wildcards with their star
    replaces: Mapped[str | None] = mapped_column(String(120), index=True)  # RFC 9773 §5
    # The same, in orders from when the database began to see to it that there is one such order at a time.
    replaced_once: Mapped[str | None] = mapped_column(String(120))
    problem: Mapped[dict[str, Any] | None]  # why it became invalid
    request_id: Mapped[str | None] = mapped_column(String(26))  # of ca_request, once it is finalized
    serial: Mapped[str | None] = mapped_column(String(40), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    delivered_at: Mapped[datetime | None]  # when the certificate was handed over first


Index(
    "uq_ca_acme_order_replaced_once",
    Order.replaced_once,
    unique=True,
    postgresql_where=Order.replaced_once.is_not(None) & (Order.status != "invalid"),
    sqlite_where=Order.replaced_once.is_not(None) & (Order.status != "invalid"),
)


class Authorization(Base):
    """One name of an order, and the proof that the account controls it.

    All challenges share ``challenge``; ``tried`` is the type of the one that the client chose. ``thumbprint`` is the
    account key's when it chose.
    """

    __tablename__ = "ca_acme_authorization"
    __table_args__ = (Index("ix_ca_acme_authorization_failed", "account_id", "name", "tried_at"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("ca_acme_order.id"), index=True)
    account_id: Mapped[str] = mapped_column(String(26))
    name: Mapped[str] = mapped_column(String(253))  # without the star
    wildcard: Mapped[bool]
    status: Mapped[str] = mapped_column(String(11))
    challenge: Mapped[str] = mapped_column(String(43))  # the token: public, whoever proves serves it in the clear
    tried: Mapped[str | None] = mapped_column(String(11))
    tried_at: Mapped[datetime | None]
    thumbprint: Mapped[str | None] = mapped_column(String(43))
    validated_at: Mapped[datetime | None]
    problem: Mapped[dict[str, Any] | None]  # of the last try
    expires_at: Mapped[datetime]


class SpentNonce(Base):
    """A nonce that was used. It is kept until its own age refuses it."""

    __tablename__ = "ca_acme_nonce_spent"

    nonce: Mapped[str] = mapped_column(String(43), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)

"""Background work: issuance finished after a crash, lists published, OCSP signers renewed, revocations passed on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from audit.sequencer import Sequencer
from ca.acme.authorization import PROVE_CONTROL
from ca.acme.perspectives import Perspectives
from ca.acme.prove import prove_control
from ca.acme.upkeep import expire_orders, finish_orders, forget_what_is_over
from ca.api.requests import drop_old_keys
from ca.bulk.jobs import finish_batches
from ca.cmp.overdue import revoke_unconfirmed
from ca.cmp.transaction import drop_old_transactions
from ca.expiry.announce import announce_expiring
from ca.handover.jobs import upkeep_handovers
from ca.issuance.recovery import finish_issuance
from ca.revocation.ahead.make import SigningAhead
from ca.revocation.fallen import certificates_that_fall, login_person
from ca.revocation.mass.decide import MASS_REVOCATION
from ca.revocation.mass.run import go_on
from ca.revocation.ocsp_signer import renew_ocsp_signers
from ca.revocation.revoke import CERTIFICATE_REVOKED, LIST_DUE
from ca.revocation.upkeep import drop_old_lists, publish_if_behind, publish_overdue_lists
from ca.services import CaServices
from ca.transparency.backfill import Backfill
from ca.units.signer import LOG_UNITS, UNITS, renew_unit_signer
from kernel.outbox import Handler, Task
from kernel.worker import PeriodicJob


def handlers(services: CaServices) -> Mapping[str, Handler]:
    """Return what does each kind of the authority's outbox tasks."""

    def publish_due_list(task: Task) -> None:
        publish_if_behind(services, authority_id=task.payload["authority_id"], shard=task.payload["shard"])

    def pass_on_revocation(task: Task) -> None:
        serial, reason = task.payload["serial"], task.payload["reason"]
        with services.database.reading() as session:
            fallen = certificates_that_fall(session, serial=serial, now=services.clock.now())
        for certificate in fallen:
            for listener in services.revocation_listeners:
                listener.certificate_revoked(
                    serial=certificate.serial,
                    certificate_sha256=certificate.sha256,
                    person_id=login_person(services.profiles, certificate),
                    reason=reason,
                )

    return {
        LIST_DUE: publish_due_list,
        CERTIFICATE_REVOKED: pass_on_revocation,
        MASS_REVOCATION: lambda task: go_on(services, task.payload["id"]),
    }


def deliveries(services: CaServices) -> Mapping[str, Handler]:
    """Return what does the tasks that wait for others' servers: proofs of control are looked at."""
    prover = Perspectives.from_settings(services.settings)

    def look_at_proof(task: Task) -> None:
        prove_control(services, prover, authorization_id=task.payload["authorization_id"], looks=task.attempts)

    return {PROVE_CONTROL: look_at_proof}


def periodic_jobs(services: CaServices) -> list[PeriodicJob]:
    """Return the authority's periodic jobs: each looks what is due, so the interval is only how late it may be."""

    def refresh_lists() -> None:
        publish_overdue_lists(services)

    def clear_lists() -> None:
        drop_old_lists(services)

    def renew_signers() -> None:
        renew_ocsp_signers(services, now=services.clock.now())

    def renew_units() -> None:
        for unit in (*UNITS, *LOG_UNITS):
            renew_unit_signer(services, unit, now=services.clock.now())

    def clear_protocols() -> None:
        with services.database.transaction() as session:
            drop_old_transactions(session, now=services.clock.now())
            drop_old_keys(session, now=services.clock.now())

    def revoke_what_nobody_confirmed() -> None:
        revoke_unconfirmed(services, now=services.clock.now())

    def finish_what_was_begun() -> None:
        finish_issuance(services)
        finish_orders(services, now=services.clock.now())

    def let_orders_expire() -> None:
        expire_orders(services, now=services.clock.now())

    def forget_orders() -> None:
        forget_what_is_over(services, now=services.clock.now())

    def hand_over() -> None:
        upkeep_handovers(services)

    def announce() -> None:
        announce_expiring(services)

    def finish_what_was_agreed() -> None:
        finish_batches(services)

    signing_ahead = SigningAhead(services)

    def sign_ahead() -> None:
        signing_ahead.run()

    sequencer = Sequencer(services.certificate_log)
    backfill = Backfill(services.certificate_log, services.journal)

    def log_older_certificates() -> None:
        backfill.run(now=services.clock.now())

    def sequence_certificates() -> None:
        sequencer.run()

    return [
        PeriodicJob("ca.log", timedelta(seconds=0.5), sequence_certificates, close=sequencer.release),
        PeriodicJob(name="ca.handover", every=timedelta(seconds=10), run=hand_over),
        PeriodicJob(name="ca.expiry", every=timedelta(hours=1), run=announce),
        PeriodicJob(name="ca.batches", every=timedelta(seconds=10), run=finish_what_was_agreed),
        PeriodicJob("ca.log_backfill", timedelta(seconds=1), log_older_certificates),
        PeriodicJob(name="ca.acme_expiry", every=timedelta(minutes=1), run=let_orders_expire),
        PeriodicJob(name="ca.acme_purge", every=timedelta(minutes=10), run=forget_orders),
        PeriodicJob(name="ca.cmp_unconfirmed", every=timedelta(minutes=1), run=revoke_what_nobody_confirmed),
        PeriodicJob(name="ca.issuance", every=timedelta(seconds=30), run=finish_what_was_begun),
        PeriodicJob(name="ca.lists", every=timedelta(minutes=5), run=refresh_lists),
        PeriodicJob(name="ca.old_lists", every=timedelta(hours=6), run=clear_lists),
        PeriodicJob(name="ca.protocols", every=timedelta(hours=6), run=clear_protocols),
        PeriodicJob(name="ca.units", every=timedelta(hours=1), run=renew_units),
        PeriodicJob(name="ca.ocsp_signers", every=timedelta(minutes=5), run=renew_signers),
        PeriodicJob(name="ca.ocsp_ahead", every=timedelta(seconds=2), run=sign_ahead),
    ]

"""Looking at a proof at once, in the process that was told that it is there.

A task for the worker is committed with the client's choice all the same, due a little later: whatever becomes of this
process, the proof is looked at. Who sees the outcome first writes it down, once, and takes the task back with it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from threading import BoundedSemaphore

import structlog

from ca.acme.model import Authorization
from ca.acme.perspectives import Perspectives, Prover
from ca.acme.proof import Claim
from ca.acme.prove import Looked, prove_claim
from ca.services import CaServices
from kernel.errors import ServiceError
from kernel.loop_call import is_done
from kernel.outbox import put_off

#: For so long the worker leaves the proof to whoever looks at once: more than one look takes.
HEAD_START = timedelta(seconds=15)
_AGAIN = timedelta(seconds=2)
_AT_ONCE = 8
_WAITING = 16
#: An answer waits so long for the outcome: most proofs are seen by then, and the client need not ask again.
_PATIENCE_SECONDS = 0.2

_log = structlog.get_logger("ca.acme")


class Looker:
    """Looks at proofs by a few threads; what is more than they can take is left to the worker.

    :param prover: made when it is first needed.
    """

    def __init__(self, services: CaServices, prover: Callable[[], Prover] | None = None) -> None:
        self._services = services
        self._make = prover or (lambda: Perspectives.from_settings(services.settings))
        self._prover: Prover | None = None
        self._places = BoundedSemaphore(_AT_ONCE + _WAITING)
        self._threads: ThreadPoolExecutor | None = None

    def reserve(self) -> bool:
        """Take a place, before the client's choice is committed; :meth:`look` or :meth:`leave` gives it back."""
        return self._places.acquire(blocking=False)

    def leave(self) -> None:
        """Give a place back that was not needed."""
        self._places.release()

    def look(
        self, claim: Claim, *, authorization_id: str, order_id: str, task_id: str
    ) -> tuple[bool, Authorization | None]:
        """Look at the proof.

        :returns: whether an outcome is known already, and the authorization as this look left it; None if it is to be
            read: another was first, or something failed.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="acme-look")
        if self._prover is None:
            self._prover = self._make()
        done: Future[Authorization | None] = self._threads.submit(
            copy_context().run, self._look, claim, authorization_id, order_id, task_id, self._prover
        )
        known = is_done(done, within=_PATIENCE_SECONDS)
        return known, done.result() if known else None

    def _look(
        self, claim: Claim, authorization_id: str, order_id: str, task_id: str, prover: Prover
    ) -> Authorization | None:
        services = self._services
        try:
            look = prove_claim(
                services,
                prover,
                claim,
                authorization_id=authorization_id,
                order_id=order_id,
                task_id=task_id,
            )
            if look.became is Looked.NOT_YET:
                with services.database.transaction() as session:
                    put_off(session, task_id, due_at=services.clock.now() + _AGAIN)
            return look.row
        except ServiceError as error:
            _log.warning("acme_look_failed", code=error.code)  # the worker looks
        except Exception:
            _log.exception("acme_look_failed")
        finally:
            self._places.release()
        return None

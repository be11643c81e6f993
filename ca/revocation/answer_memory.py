"""The OCSP answers that a process has at hand: by the octets of the request, and by what it asks."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

from ca.revocation.ocsp_answer import OcspAnswer
from ca.revocation.ocsp_request import StatusRequest

MOST_ANSWERS = 50_000  # of about a kilobyte
#: Longest request that is remembered by its octets: what software sends has 70 to 120; who pads it is parsed.
LONGEST_REQUEST = 176


class KeptAnswer:
    """An answer and until when it may be given again.

    :ivar fresh_until: the middle of its life, RFC 5019 §6.1's advice and certificate authority 20.
    :ivar withdrawn: it says what is true no longer; set once, never unset.
    :ivar ready: the headers that the web makes of it once and for all.
    """

    __slots__ = ("answer", "fresh_until", "ready", "withdrawn")

    def __init__(self, answer: OcspAnswer, fresh_until: datetime) -> None:
        self.answer = answer
        self.fresh_until = fresh_until
        self.withdrawn = False
        self.ready: tuple[tuple[str, str], ...] | None = None


class AnswerMemory:
    """Answers without a nonce. One a process, safe among threads; bounded, the oldest go first."""

    def __init__(self, *, most: int = MOST_ANSWERS) -> None:
        self._most = most
        self._lock = Lock()
        self._requests: dict[bytes | str, KeptAnswer] = {}
        self._answers: dict[StatusRequest, KeptAnswer] = {}
        self._by_serial: dict[int, set[StatusRequest]] = {}
        self.epoch = 0

    def at_hand(self, request: bytes | str, *, now: datetime) -> KeptAnswer | None:
        """Return the answer to exactly this request (DER, or the path of a GET): one look into a dictionary."""
        kept = self._requests.get(request)
        return kept if kept is not None and not kept.withdrawn and now < kept.fresh_until else None

    def find(self, question: StatusRequest, *, now: datetime) -> KeptAnswer | None:
        """Return the answer to the question, however it was put."""
        kept = self._answers.get(question)
        return kept if kept is not None and not kept.withdrawn and now < kept.fresh_until else None

    def keep(self, question: StatusRequest, answer: OcspAnswer, *, epoch: int) -> KeptAnswer:
        """Remember the answer, unless something was revoked since its status was read.

        :param epoch: :attr:`epoch` as it was before the status was read.
        """
        kept = KeptAnswer(answer, answer.fresh_until)
        with self._lock:
            if epoch == self.epoch:
                if question in self._answers:
                    self._answers.pop(question).withdrawn = True  # what is no longer in reach is not to be given
                self._answers[question] = kept
                self._by_serial.setdefault(question.serial, set()).add(question)
                if len(self._answers) > self._most:
                    self._drop_oldest()
            else:
                kept.withdrawn = True
        return kept

    def remember_request(self, request: bytes | str, kept: KeptAnswer) -> None:
        """Remember that these octets ask for that answer."""
        with self._lock:
            self._requests.pop(request, None)
            self._requests[request] = kept
            if len(self._requests) > 2 * self._most:
                del self._requests[next(iter(self._requests))]

    def forget(self, serials: frozenset[int]) -> None:
        """Withdraw what was said of these certificates."""
        with self._lock:
            self.epoch += 1
            for serial in serials:
                for question in self._by_serial.pop(serial, ()):
                    self._answers.pop(question).withdrawn = True

    def forget_all(self) -> None:
        """Withdraw everything."""
        with self._lock:
            self.epoch += 1
            for kept in self._answers.values():
                kept.withdrawn = True
            self._requests, self._answers, self._by_serial = {}, {}, {}

    def _drop_oldest(self) -> None:
        question = next(iter(self._answers))
        self._answers.pop(question).withdrawn = True
        about = self._by_serial.get(question.serial, set())
        about.discard(question)
        if not about:
            self._by_serial.pop(question.serial, None)

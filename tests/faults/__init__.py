"""What happens when something goes wrong: each harness in a module of its own, its rounds by :func:`rounds`."""

from tests.faults.rounds import Figure as Figure
from tests.faults.rounds import rounds as rounds
from tests.faults.rounds import tell_progress as tell_progress
from tests.faults.rounds import turns as turns

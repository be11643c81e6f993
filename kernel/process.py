"""Processes that belong together end together."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def end_with_parent(parent: int) -> None:
    """Ask the kernel to send this process SIGTERM when its parent dies, however it dies (Linux; elsewhere nothing).

    :param parent: the process id that the parent must have; if it is gone already, this process ends at once.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def name_process(name: str) -> None:
    """Show this process under ``name``, 15 characters at most, to those who list processes (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NAME, name.encode()[:15])


def leave_no_core() -> None:
    """Have the system write no core file of this process and its children: their memory holds keys and passphrases."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

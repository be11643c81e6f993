"""The demo in one terminal: the service and two portals, started together, stopped together.

Uses what anyone would use: ``sau init --demo``, ``sau serve``, and ``examples/portal/portal.py`` twice.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from types import FrameType

from kernel.process import end_with_parent

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
STOP_SECONDS = 12


class Stopped(Exception):
    """Someone asked us to stop."""


def main() -> int:
    """Start everything, wait, stop everything; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="of the service; the portals take the next two")
    parser.add_argument("--home", type=Path, default=ROOT / "var", help="folder of database and keys")
    arguments = parser.parse_args()
    ports = (arguments.port, arguments.port + 1, arguments.port + 2)
    for port in ports:
        if not is_free(port):
            elsewhere = f"PORT={arguments.port + 1000} make run"
            print(f"Port {port} is busy. Stop what listens there, or move all three: {elsewhere}", file=sys.stderr)
            return 1
    home = arguments.home.resolve()
    environ = os.environ | {
        "SAU_HOME": str(home),
        "SAU_ISSUER": f"http://localhost:{ports[0]}",
        "SAU_BIND": f"127.0.0.1:{ports[0]}",
        "SAU_DEMO": "1",
        "SAU_OUTGOING_NETWORKS": "127.0.0.0/8,::1/128",  # the portals, which hear of logouts elsewhere
        "SAU_LOG_LEVEL": os.environ.get("SAU_LOG_LEVEL", "warning"),
        "SAU_LOG_FORMAT": os.environ.get("SAU_LOG_FORMAT", "text"),
    }
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        prepared = subprocess.run(
            [sys.executable, "-m", "sau", "init", "--demo"], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
        )
    except Stopped:
        return 1  # what was made so far is taken up by the next start
    if prepared.returncode:
        return prepared.returncode
    portals = home / "demo" / "portals.json"
    portal = [sys.executable, "examples/portal/portal.py", "--registration", str(portals), "--port"]
    commands = {
        "The service": ([sys.executable, "-m", "sau", "serve"], f"http://localhost:{ports[0]}/ready"),
        "Ventanilla Única": ([*portal, str(ports[1])], f"http://localhost:{ports[1]}/"),
        "Portal Tributario": ([*portal, str(ports[2])], f"http://localhost:{ports[2]}/"),
    }
    return run(commands, environ, welcome(ports, prepared.stdout))


def run(commands: dict[str, tuple[list[str], str]], environ: dict[str, str], greeting: str) -> int:
    """Run the commands until one ends or we are told to stop; return the exit status."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    bound = partial(end_with_parent, os.getpid())
    try:
        for name, (command, _) in commands.items():
            # Each in a group of its own: the terminal's Ctrl-C comes to us alone, and we end them in order.
            children[name] = subprocess.Popen(command, cwd=ROOT, env=environ, preexec_fn=bound, process_group=0)
        deadline = time.monotonic() + START_SECONDS
        for name, (_, address) in commands.items():
            while not answers(address):
                if ended := find_ended(children):
                    print(f"{ended} did not start; its reason stands above.", file=sys.stderr)
                    return 1
                if time.monotonic() > deadline:
                    print(f"{name} did not answer at {address} in {START_SECONDS} s.", file=sys.stderr)
                    return 1
                time.sleep(0.1)
        print(greeting, flush=True)
        while not (ended := find_ended(children)):
            time.sleep(0.3)
        print(f"{ended} ended unexpectedly; stopping the others.", file=sys.stderr)
        return 1
    except Stopped:
        print("\nStopping …", flush=True)
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them running
        end_all(children)


def welcome(ports: tuple[int, int, int], prepared: str) -> str:
    """Return what a newcomer reads when all is running."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    return f"""
{bold}SAU is running.{plain} Ctrl-C stops it; the data stay for the next start.

  Ventanilla Única     {bold}http://localhost:{ports[1]}{plain}   press "Ingresar" here first,
  Portal Tributario    {bold}http://localhost:{ports[2]}{plain}   then here: no password the second time
  Test people, mails   {bold}http://localhost:{ports[0]}/demo{plain}   with their current one-time codes
  The service          {bold}http://localhost:{ports[0]}{plain}
  Console              {bold}http://localhost:{ports[0]}/admin{plain}

{prepared.rstrip()}
"""


def is_free(port: int) -> bool:
    """Tell whether we could listen on the local port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(address: str) -> bool:
    """Tell whether an HTTP GET of ``address`` is answered with success."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def find_ended(children: dict[str, subprocess.Popen[bytes]]) -> str | None:
    """Return the name of a child that has ended, if one has."""
    return next((name for name, child in children.items() if child.poll() is not None), None)


def end_all(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Ask every child to end, and end those that do not."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children.values():
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def stop(_number: int, _frame: FrameType | None) -> None:
    """Turn a signal into an orderly end."""
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())

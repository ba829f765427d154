"""`flotilla serve` reports to a service manager as systemd is: ready, alive, stopping."""

import os
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from support import PROGRAMS


class Watchdog(unittest.TestCase):
    def test_serve_reports_that_it_is_ready_alive_and_stopping(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            name = f"{folder}/notify"
            manager.bind(name)
            manager.settimeout(60)
            process = subprocess.Popen(
                [PROGRAMS / "flotilla", "serve", "--state", Path(folder, "state")],
                env={**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000000"},
                stderr=subprocess.DEVNULL,
            )
            self.addCleanup(process.kill)
            self.until(manager, b"READY=1")
            self.until(manager, b"WATCHDOG=1")
            process.terminate()
            self.until(manager, b"STOPPING=1")
            self.assertEqual(process.wait(timeout=60), 0)

    def until(self, manager, state):
        states, deadline = [], time.monotonic() + 60
        while state not in states:
            self.assertLess(time.monotonic(), deadline, states)
            states.append(manager.recv(64))
        return states


if __name__ == "__main__":
    unittest.main()

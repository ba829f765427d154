"""Runs a program and measures it: wall time, CPU seconds, peak memory, instructions."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

# A copy that takes longer than this has hung, seconds.
LIMIT = 1800


class Failed(Exception):
    """The program ended with an error."""


def measured(command, environment, log, counts_instructions):
    """Runs a command to its end. Wall and CPU in seconds, memory in bytes; raises Failed."""
    counted = log.with_suffix(".perf")
    if counts_instructions:
        command = ["perf", "stat", "-x,", "-e", "instructions:u", "-o", counted, "--", *command]
    with open(log, "w") as out:
        started = time.monotonic()
        child = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment,
                                 preexec_fn=die_with_parent)
        code, usage, memory = wait(child)
        wall = time.monotonic() - started
    if code != 0:
        raise Failed(f"ended with {code}; the end of its output:\n{log.read_text()[-1500:]}")
    result = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": memory}
    if counts_instructions:
        found = re.search(r"^(\d+),", counted.read_text(), re.MULTILINE)
        result["instructions"] = int(found[1]) if found else 0
    return result


def wait(child):
    """Exit code, resource usage and peak memory in bytes of a child, which is killed if it hangs."""
    deadline = time.monotonic() + LIMIT
    peak = 0
    try:
        while True:
            peak = max(peak, *(high_water(pid) for pid in (child.pid, *children(child.pid))))
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                return child.returncode, usage, peak
            if time.monotonic() > deadline:
                raise Failed(f"has not ended after {LIMIT} s")
            time.sleep(0.01)
    finally:
        if child.returncode is None:
            child.kill()
            child.wait()


def children(pid):
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def high_water(pid):
    """Peak resident memory so far, bytes. The figure of rusage starts from this program's own."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


def die_with_parent():
    """The kernel kills the child with this process, however that ends (1 is PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def has_perf():
    """Whether user instructions can be counted here."""
    if not shutil.which("perf"):
        return False
    command = ["perf", "stat", "-x,", "-e", "instructions:u", "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and bool(re.match(r"\d+,", done.stderr.strip()))

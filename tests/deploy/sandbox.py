"""A copy of this machine's system that a test may change: an overlay in a mount namespace of its own."""

import functools
import os
import shutil
import subprocess
import tempfile
import unittest

# What is changed is written to memory.
MOUNT = """
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
"""

# Devices come from the machine, processes are its own.
ENTER = MOUNT + """
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
mkdir "$1/root/given"
mount --bind "$2" "$1/root/given"
exec chroot "$1/root" sh -euc "$3"
"""


def run_apart(script, *arguments, timeout):
    """Runs a script with a fresh folder and these arguments, in namespaces of mounts and processes of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", folder, *arguments]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)


@functools.cache
def has_overlay():
    """Whether this user may mount one here: a container may forbid it to root too."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return run_apart(MOUNT, timeout=60).returncode == 0


def inside(given, script, timeout=300):
    """Standard output of a shell script in a fresh copy of the system, in which the folder `given` is /given."""
    if not has_overlay():
        raise unittest.SkipTest("no overlay can be mounted here")
    done = run_apart(ENTER, str(given), script, timeout=timeout)
    if done.returncode != 0:
        raise AssertionError(f"{script}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout

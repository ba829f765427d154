"""Network namespaces of this machine, by name."""

import ctypes
import os

CLONE_NEWNET = 0x40000000


def within(name):
    """The beginning of a command that runs in a namespace. The program takes the place of `ip`, with its process id."""
    return ["ip", "netns", "exec", name]


def enter(name):
    """Moves the calling thread into a namespace, to which its new sockets then belong. Other threads stay."""
    space = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(space, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")
    finally:
        os.close(space)

"""Starts a submission's program with limits: confine.py FILE_BYTES FILES PROCESSES UID NETWORK COMMAND...

It runs as a script by itself, before anything of the submission, and becomes the command. A UID of -1: as we are.
NETWORK is `keep`, or `cut`: then the program has a network of its own in which there is nothing (Linux).
"""

import ctypes
import os
import resource
import sys

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""CLONE_NEWUSER and CLONE_NEWNET, for unshare(2)."""


def main(limits: list[str], network: str, command: list[str]) -> None:
    """Limit this process and all that it will start, and become the command."""
    file_bytes, files, processes, uid = map(int, limits)
    ends_with = ending_signal()
    if network == "cut":
        cut_network()
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        # the system counts the processes of a user: only of one that the submission has for itself
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    if ends_with:
        ctypes.CDLL(None).prctl(1, ends_with)  # PR_SET_PDEATHSIG, which another user's id has reset
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


def ending_signal() -> int:
    """The signal that this process gets when its parent ends (Linux), if it was asked for."""
    found = ctypes.c_int(0)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(2, ctypes.byref(found), 0, 0, 0)  # PR_GET_PDEATHSIG
    return found.value


def cut_network() -> None:
    """Leave the network; where we are not root, by a user namespace in which we stay who we are."""
    uid, gid = os.geteuid(), os.getegid()
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None or unshare(NEW_NETWORK if uid == 0 else NEW_USER | NEW_NETWORK) != 0:
        sys.exit("this system does not allow a network namespace")
    if uid != 0:
        for name, said in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(said)


if __name__ == "__main__":
    main(sys.argv[1:5], sys.argv[5], sys.argv[6:])

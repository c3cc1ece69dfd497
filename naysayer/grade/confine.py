"""Starts a submission's program with limits: confine.py FILE_BYTES FILES PROCESSES UID COMMAND...

It runs as a script by itself, before anything of the submission, and becomes the command. A UID of -1: as we are.
"""

import os
import resource
import sys


def main(limits: list[str], command: list[str]) -> None:
    """Limit this process and all that it will start, and become the command."""
    file_bytes, files, processes, uid = map(int, limits)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        # the system counts the processes of a user: only of one that the submission has for itself
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:5], sys.argv[5:])

"""A `stop` command that spares what ran before the run: `pkill -x etcd` ends our etcd, not the one beside it.

In the shell that runs it, pkill, killall and kill (also after sudo) are functions that leave out the processes which
must not be ended; for the scripts and programs that it calls, programs of these names stand first on the PATH. What
else a stop command calls, such as systemctl, does what it always does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NAMES = ("pkill", "killall", "kill")
PLAIN = re.compile(r"(?<![\w/.-])(?:/usr)?/s?bin/(?=(?:pkill|killall|kill)\b)")
"""The folder in front of one of the programs, which would lead past ours."""

FUNCTIONS = r"""
naysayer_spared() {
  case " $naysayer_spare $$ $PPID " in *" $1 "*) return 0;; esac
  return 1
}
naysayer_end() {
  naysayer_signal=${1#SIG}; shift; naysayer_code=1
  for naysayer_pid in "$@"; do
    naysayer_spared "${naysayer_pid#-}" && continue
    command $naysayer_as kill -"$naysayer_signal" "$naysayer_pid" 2>/dev/null && naysayer_code=0
  done
  return $naysayer_code
}
naysayer_words() {
  naysayer_signal=TERM; naysayer_count=$#; naysayer_kept=
  while [ "$naysayer_count" -gt 0 ]; do
    naysayer_word=$1; shift; naysayer_count=$((naysayer_count - 1))
    case $naysayer_word in
      -[0-9]*|-[ABCDEFGHIJKLMNOPQRSTUVWXYZ][ABCDEFGHIJKLMNOPQRSTUVWXYZ]*) naysayer_signal=${naysayer_word#-};;
      --signal=*) naysayer_signal=${naysayer_word#*=};;
      --signal) naysayer_signal=$1; shift; naysayer_count=$((naysayer_count - 1));;
      -e|--echo) ;;
      *) naysayer_kept="$naysayer_kept '$(printf %s "$naysayer_word" | sed "s/'/'\\\\''/g")'";;
    esac
  done
}
pkill() {
  naysayer_words "$@"
  eval "naysayer_found=\$(pgrep $naysayer_kept)"
  naysayer_end "$naysayer_signal" $naysayer_found
}
killall() {
  naysayer_signal=TERM; naysayer_found=
  while [ $# -gt 0 ]; do
    case $1 in
      -s|--signal) naysayer_signal=$2; shift;;
      -[0-9]*|-[ABCDEFGHIJKLMNOPQRSTUVWXYZ][ABCDEFGHIJKLMNOPQRSTUVWXYZ]*) naysayer_signal=${1#-};;
      -*) ;;
      *) naysayer_found="$naysayer_found $(pgrep -x "$(printf %.15s "$1")")";;
    esac
    shift
  done
  naysayer_end "$naysayer_signal" $naysayer_found
}
kill() {
  naysayer_signal=TERM
  case ${1-} in
    -l|-L) command kill "$@"; return;;
    -s|-n) naysayer_signal=$2; shift 2;;
    -[0-9A-Z]*) naysayer_signal=${1#-}; shift;;
  esac
  [ "${1-}" != -- ] || shift
  for naysayer_pid in "$@"; do
    [ "$naysayer_pid" != -1 ] || { echo "kill -1 would end what this run did not start" >&2; return 1; }
  done
  naysayer_end "$naysayer_signal" "$@"
}
sudo() {
  naysayer_first=$1
  [ "$1" != -n ] || naysayer_first=$2
  case $naysayer_first in
    pkill|killall|kill) [ "$1" != -n ] || shift; naysayer_as="sudo -n"; "$@"; naysayer_code=$?; naysayer_as=
      return $naysayer_code;;
  esac
  command sudo "$@"
}
naysayer_as=
"""


def sparing(stop: str, pids: Iterable[int], folder: str) -> str:
    """The command `stop`, kept from ending the processes `pids`. `folder` is made for the time, and removed by
    `cleaning`; where there is something of that name, it is left alone."""
    spare = f"naysayer_spare='{' '.join(map(str, sorted(pids)))}'\n{FUNCTIONS}"
    scripts = "".join(
        f"cat > {folder}/{name} <<'NAYSAYER_END'\n#!/bin/sh\n{spare}\n{name} \"$@\"\nNAYSAYER_END\n" for name in NAMES
    )
    programs = f"{scripts}chmod 700 {folder}/*\nPATH={folder}:$PATH\n"
    return f"{spare}\nif mkdir -m 700 {folder}; then\n{programs}fi\n{PLAIN.sub('', stop)}"


def cleaning(folder: str) -> str:
    """Removes the programs that `sparing` made."""
    return f"rm -f {' '.join(f'{folder}/{name}' for name in NAMES)}; rmdir {folder} 2>/dev/null; true"

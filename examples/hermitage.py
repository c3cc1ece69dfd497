"""Hermitage's schedules against a database: which anomalies it lets through at each level of isolation.

    python hermitage.py postgresql://user@127.0.0.1:5432/database
    python hermitage.py mariadb://user@127.0.0.1:3306/database repeatable-read

Each schedule (https://github.com/ept/hermitage, by Martin Kleppmann) is a few transactions whose statements come in one
order. Where a statement waits for a lock, the schedule goes on with those of the others. What was read is a history of
transactions, and the checker decides at which levels it could have run; nothing is expected in advance.
"""

import sys
import threading
from queue import Empty, Queue

from checker.history import History, Operation
from checker.transactions.judged import judge
from targets.backends.clients.sql.databases import database_at

SCHEDULES = {
    "G0": "1 x 11, 2 x 12, 1 y 21, 1 commit, 2 y 22, 2 commit",
    "G1a": "1 x 101, 2 x, 1 rollback, 2 x, 2 commit",
    "G1b": "1 x 101, 2 x, 1 x 11, 1 commit, 2 x, 2 commit",
    "G1c": "1 x 11, 2 y 22, 1 y, 2 x, 1 commit, 2 commit",
    "OTV": "1 x 11, 1 y 19, 2 x 12, 1 commit, 3 x, 2 y 18, 3 y, 2 commit, 3 y, 3 x, 3 commit",
    "PMP": "1 x, 1 z, 2 z 30, 2 commit, 1 z, 1 commit",
    "P4": "1 x, 2 x, 1 x 11, 2 x 12, 1 commit, 2 commit",
    "G-single": "1 x, 2 x, 2 y, 2 x 12, 2 y 18, 2 commit, 1 y, 1 commit",
    "G-single-write": "1 x, 2 x 12, 2 y 18, 2 commit, 1 y 30, 1 commit",
    "G2-item": "1 x, 1 y, 2 x, 2 y, 1 x 11, 2 y 21, 1 commit, 2 commit",
    "G2": "1 z, 1 w, 2 z, 2 w, 1 z 30, 2 w 42, 1 commit, 2 commit",
    "G2-two-edges": "1 x, 1 y, 2 y 25, 2 commit, 3 x, 3 y, 3 commit, 1 x 0, 1 commit",
}
"""Session, key, and what it writes there; without a value it reads. x is 10 at first, y is 20, and z and w are not
there: reads of an absent row stand for reads by a predicate (PMP, G2)."""

LOCKED = {
    "PostgreSQL": "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    "MariaDB": "SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}
POLL_S = 0.15
"""InnoDB shows nothing new to who asks more often than every 0.1 s."""

SOON = {"MariaDB": "SET innodb_lock_wait_timeout = 15"}
"""A statement that still waits then has met a deadlock that the server did not see."""

TABLE = "naysayer_hermitage"


class Session:
    """One transaction on a connection and a thread of its own."""

    def __init__(self, address, isolation):
        self.database = database_at(address)
        self.database.connect()
        if soon := SOON.get(type(self.database).__name__):
            self.database.execute(soon)
        self.isolation, self.began = isolation, False
        self.steps, self.status = [], "info"
        self.todo, self.left = Queue(), 0
        self.done = Queue()
        threading.Thread(target=self.work, daemon=True).start()

    def give(self, step):
        self.left += 1
        self.todo.put(step)

    def work(self):
        while (step := self.todo.get()) is not None:
            if self.status == "info":
                try:
                    self.carry_out(*step)
                except Exception as error:  # refused: a deadlock, a serialization failure, a lock that was not free
                    self.status = "fail" if self.database.refused(error) else "info"
                    self.database.rollback()
            self.done.put(None)

    def carry_out(self, what, value=None):
        execute = self.database.execute
        if not self.began:
            self.began = True
            for statement in self.database.isolations[self.isolation]:
                execute(statement)
        if what in ("commit", "rollback"):
            execute(what.upper())
            self.status = "ok" if what == "commit" else "fail"
        elif value is None:
            rows, _ = execute(f"SELECT v FROM {TABLE} WHERE k = %s", what)
            self.steps.append(("r", what, rows[0][0] if rows else None))
        else:
            self.steps.append(("w", what, value))
            found = execute(f"UPDATE {TABLE} SET v = %s WHERE k = %s", value, what)[1]
            if not found:
                execute(f"INSERT INTO {TABLE} (k, v) VALUES (%s, %s)", what, value)

    def busy(self):
        while self.left:
            try:
                self.done.get(timeout=POLL_S)
            except Empty:
                return True
            self.left -= 1
        return False


def settle(sessions, monitor):
    """Waits until each session has done its part, or waits for a lock, which is seen twice."""
    seen = 0
    while seen < 2 and (busy := sum(session.busy() for session in sessions.values())):
        text = LOCKED.get(type(monitor).__name__)
        waits = len(monitor.execute(text)[0]) if text else 0  # SQLite refuses after a while, and none waits for long
        seen = seen + 1 if waits >= busy else 0


def run(address, isolation, schedule):
    """The history of one schedule: what was there first, the transactions, and what was there in the end."""
    monitor = database_at(address)
    monitor.connect()
    types = monitor.types
    monitor.execute(f"DROP TABLE IF EXISTS {TABLE}")
    monitor.execute(f"CREATE TABLE {TABLE} (k {types['key']} PRIMARY KEY, v {types['number']}) {types['after']}")
    first = [("w", "x", 10), ("w", "y", 20)]
    for _, key, value in first:
        monitor.execute(f"INSERT INTO {TABLE} (k, v) VALUES (%s, %s)", key, value)
    sessions, times = {}, {}
    order = [step.split() for step in schedule.split(", ")]
    for at, (name, what, *value) in enumerate(order, start=2):
        if name not in sessions:
            sessions[name] = Session(address, isolation)
        times[name] = (times.get(name, (at,))[0], at + 0.5)
        sessions[name].give((what, *map(int, value)))
        settle(sessions, monitor)
    for session in sessions.values():
        session.todo.put(None)
        while session.busy():
            pass
    last = [("r", key, dict(monitor.execute(f"SELECT k, v FROM {TABLE}")[0]).get(key)) for key in "xyzw"]
    end = len(order) + 5
    rows = [(first, "ok", 0, 1), *((one.steps, one.status, *times[name]) for name, one in sessions.items())]
    rows.append((last, "ok", end, end + 1))
    ops = [
        Operation(i, i, "txn", None, steps, steps if status == "ok" else None, int(2 * call), int(2 * ret), status)
        for i, (steps, status, call, ret) in enumerate(rows)
    ]
    for session in sessions.values():
        session.database.close()
    monitor.execute(f"DROP TABLE {TABLE}")
    monitor.close()
    return History.of(ops)


def outcome(history):
    """The weakest level that the history does not have, with the reason; None: it is strictly serializable."""
    verdict = judge(history, "txn-rw-register", "strict-serializable")
    refuted = [rung for rung in verdict.ladder if not rung.holds]
    return f"not {refuted[-1].name}: {refuted[-1].detail}" if refuted else None


def main(address, *isolations):
    for isolation in isolations or database_at(address).isolations:
        print(isolation)
        for name, schedule in SCHEDULES.items():
            print(f"  {name:<16}{outcome(run(address, isolation, schedule)) or 'prevented'}")


if __name__ == "__main__":
    main(*sys.argv[1:])

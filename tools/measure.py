"""Runs one command and measures it: output, exit status, processor and wall time.

Nothing that a command starts outlives its run, and a command that forks without end is stopped."""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 600  # seconds of wall time after which a run counts as hung
MOST = 300  # processes of one run; no program here needs more


class Run:
    """What one run gave. cpu: user and system seconds, children included."""

    def __init__(self, output, errors, status, cpu, wall):
        self.output, self.errors, self.status = output, errors, status
        self.cpu, self.wall = cpu, wall

    def digest(self):
        return hashlib.sha256(self.output).hexdigest()[:16]

    def describe(self):
        last = self.errors.decode(errors="replace").strip().splitlines()[-1:]
        return f"exit status {self.status}" + "".join(": " + line[:160] for line in last)


def members(session):
    """The processes of a session that are not dead already."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as text:
                fields = text.read().rpartition(")")[2].split()  # from the state on
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(name))
    return found


def end(session):
    """Kills what is left of a session; again, as long as its members fork faster than they die."""
    for _ in range(100):
        left = members(session)
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not left:
            return


class Guard:
    """Ends a session when its time is up, when it has too many processes, when this program is
    terminated, and when the block ends. why: None, or what was wrong."""

    def __init__(self, session, limit):
        self.session, self.limit, self.why = session, limit, None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        until = time.monotonic() + self.limit
        while not self.done.wait(max(0, min(1, until - time.monotonic()))):
            if time.monotonic() >= until:
                self.why = f"no end after {self.limit} s"
            elif len(members(self.session)) > MOST:
                self.why = f"more than {MOST} processes"
            if self.why:
                end(self.session)
                return

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # runs __exit__
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        end(self.session)


def run(command, cwd=None, stdin=None, limit=LIMIT):
    """stdin: a path or None. A program that cannot start has status 127."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent", "TZ": "UTC"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, \
            open(stdin or os.devnull, "rb") as source:
        start = time.monotonic()
        try:
            process = subprocess.Popen(command, stdin=source, stdout=out, stderr=err, cwd=cwd,
                                       env=environment, start_new_session=True)
        except OSError as error:
            return Run(b"", str(error).encode(), 127, 0, 0)
        with Guard(process.pid, limit) as guard:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        errors = err.read() + (f"\n{guard.why}\n".encode() if guard.why else b"")
        return Run(out.read(), errors, process.returncode,
                   usage.ru_utime + usage.ru_stime, wall)

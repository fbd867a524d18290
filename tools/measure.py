"""Runs one command and measures it: output, exit status, processor and wall time."""

import hashlib
import os
import subprocess
import tempfile
import threading
import time

LIMIT = 600  # seconds of wall time after which a run counts as hung


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
        alarm = threading.Timer(limit, os.killpg, (process.pid, 9))
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        return Run(out.read(), err.read(), process.returncode,
                   usage.ru_utime + usage.ru_stime, wall)

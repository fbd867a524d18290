"""A machine under test: its command line, its console, and the wait for what it says.

Machine(command) starts it with the console on pipes; wait() reads until a pattern comes, send() types. Every
machine ends with the object (context manager). Times out loudly with the last lines of the console."""

import ctypes
import os
import re
import select
import signal
import subprocess
import time


class Timeout(Exception):
    pass


def die_with_parent():
    """In the child: however this process ends, no machine outlives it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Machine:
    def __init__(self, command, log=None, env=None):
        self.command = command
        self.text = ""
        self.seen = 0
        self.log = open(log, "w", encoding="utf-8") if log else None
        self.start = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=env, start_new_session=True,
                                        preexec_fn=die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        if self.log:
            self.log.close()

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def elapsed(self):
        return time.monotonic() - self.start

    def read(self, timeout):
        """Some more output; False at its end."""
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        text = data.decode(errors="replace").replace("\r", "")
        self.text += text
        if self.log:
            self.log.write(text)
            self.log.flush()
        return bool(data)

    def wait(self, pattern, timeout=60):
        """The match of pattern in what was not matched before."""
        end = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.text[self.seen:], re.M)
            if found:
                self.seen += found.end()
                return found
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"no {pattern!r} within {timeout} s; the console ends with\n"
                              + self.text[-1500:])
            if not self.read(min(left, 1)):
                status = self.process.wait(timeout=10)
                raise Timeout(f"the machine ended (status {status}) before {pattern!r}; its console ends with\n"
                              + self.text[-1500:])

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end(self, timeout=60):
        """Waits until the machine ends by itself; its exit status."""
        end = time.monotonic() + timeout
        while self.read(0.2):
            if time.monotonic() > end:
                raise Timeout(f"the machine did not end within {timeout} s; its console ends with\n"
                              + self.text[-1500:])
        return self.process.wait(timeout=10)

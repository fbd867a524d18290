"""A small client of the control socket."""

import json
import socket
import time


class Qmp:
    def __init__(self, path, timeout=30):
        end = time.monotonic() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.socket.settimeout(timeout)
        self.lines = self.socket.makefile("rw", encoding="utf-8", newline="\n")
        self.events = []
        self.greeting = json.loads(self.lines.readline())
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        """The "return" of a command; an error raises."""
        message = {"execute": command, "id": command}
        if arguments:
            message["arguments"] = arguments
        self.lines.write(json.dumps(message) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise AssertionError(f"{command}: {answer['error']}")
            else:
                assert answer.get("id") == command, answer
                return answer["return"]

    def close(self):
        self.lines.close()
        self.socket.close()

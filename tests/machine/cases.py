"""The machines that tests boot, and what each must do. A case is a function; its set is base (make check) or
full (make check-full)."""

import base64
import collections
import ctypes
import fcntl
import functools
import gzip
import hashlib
import http.server
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time

from console import Machine, Timeout
from qmp import Qmp

Case = collections.namedtuple("Case", "name set run")
CASES = []

# What the fixed work of tests/machine/init prints, whatever the machine.
WORK = {
    "sha256": "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351  -",
    "awk": "26999982",
    "fork": "300",
    "shell": "1999986",
}


class Skip(Exception):
    pass


def case(which):
    def add(function):
        CASES.append(Case(function.__name__, which, function))
        return function
    return add


def kernel(ctx, append, *more, cpus=1, memory=512):
    guest = ctx.guest("kernel")
    return ctx.command("-M", "virt", "-smp", str(cpus), "-m", str(memory), "-nographic", "-no-reboot",
                       "-kernel", os.path.join(guest, "vmlinuz"), "-initrd", os.path.join(guest, "initrd.gz"),
                       "-append", "console=ttyAMA0 " + append, *more)


def need(program):
    if not shutil.which(program):
        raise Skip(f"needs {program}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def work(ctx, *more, **options):
    with Machine(kernel(ctx, "quiet myna=work", *more, **options), ctx.log()) as m:
        m.wait(r"MYNA: init", 120)
        for name in ("sha256", "gzip", "awk", "fork", "sort", "shell"):
            found = m.wait(rf"^MYNA: {name} \d+ (\d+) (.*)\n", 180)
            assert found[1] == "0", f"{name} failed: {found[2]}"
            assert found[2].strip() == WORK.get(name, found[2].strip()), f"{name} printed {found[2]}"
        m.wait(r"MYNA: done")
        assert m.end() == 0, "exit status"


def stress(ctx, cpus, rounds, *more):
    with Machine(kernel(ctx, f"quiet myna=stress:{rounds}", *more, cpus=cpus), ctx.log()) as m:
        m.wait(r"MYNA: init .* cpus %d\n" % cpus, 120)
        found = m.wait(r"^MYNA: stress (\d+) (\d+) (\d+)\n", 600)
        assert found[1] == "1", f"{found[1]} different results of the same work"
        assert found[2] == found[3], f"{found[2]} lines under a lock, not {found[3]}"
        m.wait(r"MYNA: done")
        assert "MYNA: kernel" not in m.text, "the kernel complains: " + m.text[-500:]
        assert m.end() == 0


@case("base")
def linux_work(ctx):
    """Debian's kernel, our RAM disk, a fixed set of work, power-off."""
    work(ctx)


@case("full")
def linux_interpreted(ctx):
    """The same kernel by the interpreter alone."""
    with Machine(kernel(ctx, "quiet myna=off", "-accel", "dbt,tier=0"), ctx.log()) as m:
        m.wait(r"MYNA: done", 600)
        assert m.end() == 0


@case("full")
def linux_models(ctx):
    """Every processor model, both interrupt controllers."""
    for cpu in ("cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76", "neoverse-n1", "max"):
        for gic in ("2", "3"):
            with Machine(kernel(ctx, "quiet myna=off", "-cpu", cpu, "-M", f"virt,gic-version={gic}", cpus=2),
                         ctx.log(f"-{cpu}-{gic}")) as m:
                m.wait(r"MYNA: init .* cpus 2", 120)
                assert m.end() == 0, f"{cpu} with GICv{gic}"


@case("base")
def linux_smp(ctx):
    """Two processors under processes, pipes, signals and locks."""
    stress(ctx, 2, 1)


@case("full")
def linux_smp_long(ctx):
    for cpus in (1, 2, 4):
        for _ in range(20):
            stress(ctx, cpus, 1)


@case("base")
def linux_versal(ctx):
    """The board xlnx-versal-virt: both processors from EL2, RAM in two ranges, network and disk in virtio-mmio slots."""
    with tempfile.NamedTemporaryFile(prefix="myna-") as disk:
        disk.write(b"on the disk\n".ljust(4096, b"."))
        disk.flush()
        command = kernel(ctx, "myna=run:head+-n+1+/dev/vda;ip+addr+show+eth0;free+-m", "-M", "xlnx-versal-virt",
                         "-drive", f"file={disk.name},format=raw,read-only=on", "-nic", "user", cpus=2, memory=2304)
        with Machine(command, ctx.log()) as m:
            m.wait(r"CPU: All CPU\(s\) started at EL2", 120)
            m.wait(r"MYNA: init .* cpus 2$", 120)
            m.wait(r"^on the disk$", 60)
            m.wait(r"inet 10\.0\.2\.15/24", 60)
            assert int(m.wait(r"^Mem: +(\d+)", 60)[1]) > 2048, "the second range of RAM"
            m.wait(r"MYNA: done", 60)
            assert m.end() == 0


@case("full")
def linux_levels(ctx):
    """Entered at EL2, and below an EL3 that the board serves; every cpu alike."""
    for options, level in (("virtualization=on,gic-version=3", 2), ("virtualization=on", 2), ("secure=on", 1),
                           ("secure=on,gic-version=3", 1), ("secure=on,virtualization=on,gic-version=3", 2)):
        with Machine(kernel(ctx, "myna=off", "-M", "virt," + options, cpus=2), ctx.log("-" + options)) as m:
            m.wait(r"CPU: All CPU\(s\) started at EL%d" % level, 120)
            m.wait(r"MYNA: init .* cpus 2", 120)
            m.wait(r"MYNA: done", 120)
            assert "Call trace" not in m.text, m.text[-3000:]
            assert m.end() == 0


@case("base")
def second_serial(ctx):
    """A second serial port, in both directions; not a third."""
    folder = tempfile.mkdtemp(prefix="myna-")
    path = os.path.join(folder, "port")
    try:
        with socket.socket(socket.AF_UNIX) as host:
            host.bind(path)
            host.listen()
            host.settimeout(120)
            more = ("-serial", "mon:stdio", "-serial", f"unix:{path}")
            run = "exec</dev/ttyAMA1>/dev/ttyAMA1;echo+say;read+x;echo+guest+had+$x"
            with Machine(kernel(ctx, "quiet myna=run:" + run, *more), ctx.log()) as m:
                port = host.accept()[0]
                port.settimeout(120)
                lines = port.makefile("rw")
                assert lines.readline() == "say\n"
                lines.write("words\n")
                lines.flush()
                assert "guest had words\n" in (lines.readline(), lines.readline())  # perhaps after its echo
                assert m.end() == 0
            third = subprocess.run(kernel(ctx, "", *more, "-serial", "null"), stderr=subprocess.PIPE, text=True)
            assert third.returncode == 1 and "has 2 serial ports, not 3" in third.stderr, third.stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(folder):
    """An HTTP server for a folder, on a port of its own."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def devices(ctx, names, *more, folder, append="", msi=None):
    """Boots with devices and a shared folder that has devices.sh, and expects exactly its checks `names` to be well."""
    share = os.path.join(folder, "share")
    os.makedirs(share)
    shutil.copy(os.path.join(os.path.dirname(__file__), "devices.sh"), share)
    with open(os.path.join(share, "big"), "wb") as big:
        for i in range(0, 8 << 20, 4096):
            big.write(random.Random(i).randbytes(4096))
    with open(os.path.join(share, "big"), "rb") as big, open(os.path.join(share, "sums.txt"), "w") as sums:
        sums.write(hashlib.md5(big.read()).hexdigest() + "  big\n")
    server = serve(share)
    with open(os.path.join(share, "port"), "w") as port:
        port.write(str(server.server_port))
    run = ("mkdir+-p+/share;mount+-t+9p+-o+trans=virtio,version=9p2000.L,msize=131072+share+/share;"
           "sh+/share/devices.sh+/share")
    try:
        with Machine(kernel(ctx, f"quiet {append} myna=run:{run}", "-nic", "none", "-fsdev",
                            f"local,id=share,path={share},security_model=none", *more, cpus=4), ctx.log()) as m:
            m.wait(r"MYNA: done devices$", 300)
            assert m.end() == 0, "exit status"
            assert "MYNA: bad" not in m.text and "MYNA: kernel" not in m.text, \
                "\n".join(re.findall(r"^MYNA: (?:bad|kernel).*", m.text, re.M))
            found = re.findall(r"^MYNA: ok (\S+)", m.text, re.M)
            assert sorted(found) == sorted(names), f"looked at {sorted(found)}, not {sorted(names)}"
            if msi:
                count = int(re.search(r"^MYNA: interrupts (\d+)", m.text, re.M)[1])
                assert count >= msi, f"{count} interrupts by ITS, not {msi}"
    finally:
        server.shutdown()


def disk(folder, name, device, size=16):
    """A disk whose serial number says what devices.sh shall find."""
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.truncate(size << 20)
    return ["-drive", f"if=none,id={name},file={path},format=raw", "-device", f"{device},drive={name},serial={name}"]


@case("full")
def linux_devices(ctx):
    """Packed rings, several queues, MSI by the ITS, virtio-mmio slots; 9p, disks and networks under load."""
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        devices(ctx, ["disk-packed-queues", "ring-packed-queues", "queues-packed-queues", "disk-split-queues",
                      "ring-split-queues", "queues-split-queues", "disk-packed-mmio", "ring-packed-mmio",
                      "net-01", "net-02", "net-03", "random", "folder", "balloon"],
                "-M", "virt,gic-version=3",
                *disk(folder, "packed-queues", "virtio-blk-pci,packed=on,num-queues=4"),
                *disk(folder, "split-queues", "virtio-blk-pci,num-queues=4"),
                *disk(folder, "packed-mmio", "virtio-blk-device,packed=on"),
                "-netdev", "user,id=n1", "-device", "virtio-net-pci,netdev=n1,packed=on,mac=52:54:00:00:00:01",
                "-netdev", "user,id=n2", "-device", "virtio-net-pci,netdev=n2,mq=on,mac=52:54:00:00:00:02",
                "-netdev", "user,id=n3", "-device", "virtio-net-device,netdev=n3,mac=52:54:00:00:00:03",
                "-device", "virtio-rng-device,packed=on", "-device", "virtio-balloon-pci,packed=on",
                "-device", "virtio-9p-pci,fsdev=share,mount_tag=share,packed=on", folder=folder, msi=8)


@case("full")
def linux_legacy(ctx):
    """The interface before VIRTIO 1.0, interrupts by line."""
    old = "disable-legacy=off,disable-modern=on"
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        devices(ctx, ["disk-legacy", "ring-legacy", "disk-legacy-line", "ring-legacy-line", "net-01", "random",
                      "folder", "balloon"],
                *disk(folder, "legacy", f"virtio-blk-pci,{old}"),
                *disk(folder, "legacy-line", f"virtio-blk-pci,vectors=0,{old}"),
                "-netdev", "user,id=n1", "-device", f"virtio-net-pci,netdev=n1,mac=52:54:00:00:00:01,{old}",
                "-device", f"virtio-rng-pci,{old}", "-device", f"virtio-balloon-pci,{old}",
                "-device", f"virtio-9p-pci,fsdev=share,mount_tag=share,{old}", folder=folder)


@case("base")
def bare_levels(ctx):
    """Firmware of our own, levels.S, goes through every exception level and both worlds."""
    need("aarch64-linux-gnu-gcc")
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        elf, firmware = os.path.join(folder, "levels.elf"), os.path.join(folder, "levels.bin")
        source = os.path.join(os.path.dirname(__file__), "levels.S")
        subprocess.run(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-Wl,-Ttext=0,--build-id=none", "-o", elf,
                        source], check=True)
        subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", elf, firmware], check=True)
        for tier in ("", ",tier=0"):
            with Machine(ctx.command("-M", "virt,secure=on,virtualization=on", "-smp", "2", "-nodefaults", "-display",
                                     "none", "-serial", "stdio", "-accel", "tcg" + tier, "-bios", firmware),
                         ctx.log(tier[1:])) as m:
                m.wait(r"^(abcdefghijk)$", 60)


@case("full")
def installer(ctx):
    """Debian's installer to its first screen."""
    guest = ctx.guest("netboot")
    command = ctx.command("-M", "virt", "-m", "1024", "-nographic", "-no-reboot",
                          "-kernel", os.path.join(guest, "netboot/linux"),
                          "-initrd", os.path.join(guest, "netboot/initrd.gz"), "-append", "console=ttyAMA0")
    with Machine(command, ctx.log()) as m:
        m.wait(r"Select a language|Choose language", 240)


@case("base")
def control(ctx):
    """The control socket: stop, cont, reset, power button, quit."""
    folder = tempfile.mkdtemp(prefix="myna-")
    path = os.path.join(folder, "qmp")
    try:
        with Machine(kernel(ctx, "quiet myna=run:sleep+1000", "-qmp", f"unix:{path},server=on,wait=off", cpus=2),
                     ctx.log()) as m:
            q = Qmp(path)
            m.wait(r"MYNA: init", 120)
            assert q.call("query-status")["status"] == "running"
            assert len(q.call("query-cpus-fast")) == 2
            assert "query-block" in [c["name"] for c in q.call("query-commands")]
            q.call("stop")
            assert q.call("query-status") == {"status": "paused", "running": False} or \
                q.call("query-status")["running"] is False
            q.call("cont")
            assert q.call("query-status")["running"] is True
            q.call("quit")
            assert m.end(20) == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case("base")
def options(ctx):
    """Options without a guest: -uuid, -global, -trace, what they refuse; and that lines of the log say when and who."""
    folder = tempfile.mkdtemp(prefix="myna-")
    path, log = os.path.join(folder, "qmp"), os.path.join(folder, "log")
    uuid = "550e8400-e29b-41d4-a716-446655440000"
    asked = ["-M", "virt", "-display", "none", "-S", "-qmp", f"unix:{path},server=on,wait=off", "-uuid", uuid,
             "-device", "pcie-root-port,id=p", "-global", "virtio-net-pci.mac=52:54:00:0a:0b:0c",
             "-global", '{"driver": "virtio-rng-pci", "property": "max-bytes", "value": "17"}',
             "-device", "virtio-rng-pci,id=r", "-trace", "pl011_*,file=" + log]
    wrong = {("-uuid", "550e8400"): "is no UUID",
             ("-global", "virtio-net-pci.mca=52:54:00:0a:0b:0c"): "no property 'mca'; did you mean 'mac'?",
             ("-global", "virtio-net-pci.mac=52"): "-global: virtio-net-pci: property 'mac'",
             ("-global", "mac"): "needs driver, property and value",
             ("-trace", "pl01_read"): "no trace point 'pl01_read'; did you mean 'pl011_read'?",
             ("-d", "nonsense"): "no log category 'nonsense'"}
    try:
        for words, text in wrong.items():
            run = subprocess.run(ctx.command("-M", "virt", "-S", *words), stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
            assert run.returncode == 1 and text in run.stdout, f"{words}: {run.stdout}"
        with Machine(ctx.command(*asked), ctx.log()) as m:
            q = Qmp(path)
            assert q.call("query-uuid")["UUID"] == uuid
            states = {p["name"]: p["state"] for p in q.call("trace-event-get-state", name="*")}
            assert states["pl011_write"] == "enabled" and states["virtio_status"] == "disabled", states
            q.call("trace-event-set-state", name="virtio_*", enable=True)
            assert q.call("trace-event-get-state", name="virtio_pop")[0]["state"] == "enabled"
            q.call("system_reset")
            q.call("quit")
            assert m.end(20) == 0
        with open(log, encoding="utf-8") as text:
            assert re.search(r"^\[\d+\.\d{9}\] pl011_interrupt /uart: 0 of 0$", text.read(), re.M)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case("base")
def terminal(ctx):
    """Whatever ends the machine, the terminal is as it was before: the menu, signals, a crash of a processor's thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tempfile.mkdtemp(prefix="myna-")
    path = os.path.join(folder, "qmp")
    tgkill = 234 # its system call's number on x86-64

    def crash(pid):
        thread = Qmp(path).call("query-cpus-fast")[0]["thread-id"]
        assert thread != pid
        libc.syscall(tgkill, pid, thread, signal.SIGSEGV)

    ends = {"menu": lambda pid: os.write(master, b"\x01x"), "SIGTERM": lambda pid: os.kill(pid, signal.SIGTERM),
            "SIGABRT": lambda pid: os.kill(pid, signal.SIGABRT), "crash": crash}
    try:
        for name, end in ends.items():
            master, slave = os.openpty()
            before = termios.tcgetattr(slave)
            process = subprocess.Popen(ctx.command("-M", "virt", "-S", "-nographic", "-qmp",
                                                   f"unix:{path},server=on,wait=off"),
                                       stdin=slave, stdout=slave, stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                limit = time.monotonic() + 60
                while termios.tcgetattr(slave)[3] & termios.ECHO:
                    assert time.monotonic() < limit and process.poll() is None, f"{name}: never raw"
                    time.sleep(0.05)
                Qmp(path).close() # now it listens to the menu and to signals
                end(process.pid)
                status = process.wait(timeout=60)
                assert status == {"menu": 0, "SIGTERM": 0, "SIGABRT": -signal.SIGABRT, "crash": -signal.SIGSEGV}[name], \
                    f"{name}: exit status {status}"
                assert termios.tcgetattr(slave) == before, f"{name}: the terminal stays as the machine had it"
            finally:
                process.kill()
                process.wait()
                os.close(master)
                os.close(slave)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def to_shell(m):
    """The shell of our initial RAM disk."""
    m.wait(r"A Linux of your own", 120)
    m.send("export PS1='$ '; stty -echo; echo REA''DY\n")
    m.wait(r"READY", 60)


@case("base")
def hotplug(ctx):
    """A disk and a network card come and go while the machine runs; what has no slot stays."""
    folder = tempfile.mkdtemp(prefix="myna-")
    path, disk = os.path.join(folder, "qmp"), os.path.join(folder, "disk")
    with open(disk, "wb") as out:
        out.write(b"on the disk\n".ljust(1 << 20, b"."))
    command = kernel(ctx, "quiet", "-qmp", f"unix:{path},server=on,wait=off", "-device", "pcie-root-port,id=p1",
                     "-device", "pcie-root-port,id=p2", "-drive", f"file={disk},format=raw,if=none,id=disk",
                     "-netdev", "user,id=net", "-nic", "none", "-device", "virtio-rng-pci,id=fixed")

    def leaves(q, name):
        q.call("device_del", id=name)
        end = time.monotonic() + 120
        while not any(e["event"] == "DEVICE_DELETED" and e["data"].get("device") == name for e in q.events):
            assert time.monotonic() < end, f"{name}: the guest does not let go"
            time.sleep(0.2)
            q.call("query-status")
        q.events.clear()

    try:
        with Machine(command, ctx.log()) as m:
            q = Qmp(path)
            to_shell(m)
            for _ in range(2):
                q.call("device_add", driver="virtio-blk-pci", id="d", drive="disk", bus="p1")
                out = shell(m, "until [ -b /dev/vda ]; do sleep 0.1; done; head -n 1 /dev/vda; echo x >/dev/vda; sync")
                assert "on the disk" in out or "x" in out, out
                q.call("device_add", driver="virtio-net-pci", id="n", netdev="net", bus="p2")
                shell(m, "until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done; ip link set eth0 up && "
                         "udhcpc -q -n -i eth0 -s /etc/udhcpc && ping -c 1 10.0.2.2")
                leaves(q, "d")
                leaves(q, "n")
                shell(m, "[ ! -e /dev/vda ] && [ ! -e /sys/class/net/eth0 ]")
            for arguments, text in (({"id": "fixed"}, "pcie-root-port"), ({"id": "nobody"}, "not found")):
                try:
                    q.call("device_del", **arguments)
                    raise Timeout("device_del worked")
                except AssertionError as error:
                    assert text in str(error), error
            try:
                q.call("device_add", driver="virtio-rng-pci")
                raise Timeout("device_add to the root bus worked")
            except AssertionError as error:
                assert "pcie-root-port with hotplug=on" in str(error), error
            m.send("poweroff -f\n")
            assert m.end(120) == 0
        with open(disk, "rb") as data:
            assert data.read(2) == b"x\n"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case("base")
def network_names(ctx):
    """User networking: the guest asks its name server for a name that the host knows, and one that nobody does."""
    try:
        socket.gethostbyname("deb.debian.org")
    except OSError as reason:
        raise Skip("the host finds no names") from reason
    append = "quiet myna=run:nslookup+deb.debian.org;echo+status+$?;nslookup+no-such-name.invalid;echo+status+$?"
    with Machine(kernel(ctx, append, "-nic", "user"), ctx.log()) as m:
        m.wait(r"MYNA: init", 120)
        m.wait(r"Server:\s+10\.0\.2\.3", 60)
        m.wait(r"Address[ 0-9]*: (?!10\.0\.2\.3)[0-9a-f.:]+$", 60)
        m.wait(r"^status 0$", 60)
        m.wait(r"NXDOMAIN|can't resolve|can't find", 60)
        m.wait(r"^status 1$", 60)
        m.wait(r"MYNA: done", 60)
        assert m.end() == 0


@case("base")
def network_tap(ctx):
    """A tap: ping, and text over TCP, with the host as the other end."""
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"mynatest0", 0x1002)) # TUNSETIFF: IFF_TAP, IFF_NO_PI
    except OSError as reason:
        raise Skip(f"no tap here: {reason}") from reason
    name = "mynatest0"
    try:
        os.close(fd)
        subprocess.run(["ip", "tuntap", "add", "dev", name, "mode", "tap"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "addr", "add", "198.51.100.1/24", "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    except (OSError, subprocess.CalledProcessError) as reason:
        subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)
        raise Skip(f"a tap cannot be configured here: {reason}") from reason
    server = socket.create_server(("198.51.100.1", 8099))
    try:
        command = kernel(ctx, "quiet", "-netdev", f"tap,id=n,ifname={name},script=no,downscript=no",
                         "-device", "virtio-net-pci,netdev=n")
        with Machine(command, ctx.log()) as m:
            to_shell(m)
            shell(m, "ip addr add 198.51.100.2/24 dev eth0 && ip link set eth0 up && ping -c 3 198.51.100.1")
            m.send("wget -q -O- http://198.51.100.1:8099/; echo wget $?\n")
            server.settimeout(60)
            client = server.accept()[0]
            client.recv(4096)
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b"over the tap\n" * 2000)
            client.close()
            assert m.wait(r"((?:over the tap\n)+)wget 0$", 60)[1].count("\n") == 2000
            m.send("poweroff -f\n")
            assert m.end() == 0
    finally:
        server.close()
        subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)


@case("base")
def globals_and_traces(ctx):
    """A guest sees what -global says; a trace names the processor and the device."""
    with Machine(kernel(ctx, "quiet myna=run:cat+/sys/class/net/eth0/address", "-nic", "user",
                        "-global", "virtio-net-pci.mac=52:54:00:0a:0b:0c", "-trace", "virtio_status"), ctx.log()) as m:
        m.wait(r"^\[\d+\.\d{9} cpu0\] virtio_status /virtio-net-pci.0: 0, 0$", 120)
        m.wait(r"^52:54:00:0a:0b:0c$", 120)
        m.wait(r"MYNA: done", 60)
        assert m.end() == 0


@case("base")
def debugger(ctx):
    """gdb: stop at the kernel's entry, registers, memory, step, continue."""
    need("gdb-multiarch")
    port = free_port()
    with Machine(kernel(ctx, "quiet myna=off", "-S", "-gdb", f"tcp:127.0.0.1:{port}", cpus=2), ctx.log()) as m:
        script = [f"target remote 127.0.0.1:{port}", "info threads", "p/x $pc", "x/2i $pc", "stepi", "p/x $pc",
                  "info registers x0 sp cpsr", "p $v0", "detach"]
        command = ["gdb-multiarch", "-nx", "-batch", "-ex", "set architecture aarch64"]
        for line in script:
            command += ["-ex", line]
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                             check=False).stdout
        assert "Thread 1.2" in out or "  2 " in out, out
        pcs = [int(line.split("=")[1], 16) for line in out.splitlines() if line.startswith("$") and "0x4" in line][:2]
        assert len(pcs) == 2 and pcs[0] != pcs[1], out
        m.wait(r"MYNA: done", 120)
        assert m.end() == 0


def kernel_symbols(ctx):
    """The kernel's own list of symbols, as an ELF file for gdb; and a script's way to its addresses."""
    folder = os.path.join(ctx.build, "guest-arm64")
    path = os.path.join(folder, "symbols.elf")
    kernel_time = os.path.getmtime(os.path.join(ctx.guest("kernel"), "vmlinuz"))
    if os.path.exists(path) and os.path.getmtime(path) > kernel_time:
        return path
    append = "quiet nokaslr myna=run:gzip+-c+/proc/kallsyms+|+base64"
    with Machine(kernel(ctx, append), ctx.log("-symbols")) as m:
        m.wait(r"MYNA: done", 300)
        packed = re.search(r"(H4sI[A-Za-z0-9+/=\n]+)\nMYNA: done", m.text)[1]
    lines = [line.split() for line in gzip.decompress(base64.b64decode(packed)).decode().splitlines()]
    symbols = {name: int(value, 16) for value, kind, name, *module in lines
               if not module and kind in "tT" and re.fullmatch(r"[A-Za-z_]\w*", name)}
    start = symbols["_stext"]
    text = ['.section .text,"ax"', "base:"]
    for name, value in symbols.items():
        if 0 <= value - start < 64 << 20:
            text.append(f".globl {name}\n.type {name}, %function\n.set {name}, base+{value - start}")
    text.append(f".skip {max(v - start for v in symbols.values() if v - start < 64 << 20) + 4096}")
    with open(path + ".s", "w", encoding="utf-8") as out:
        out.write("\n".join(text) + "\n")
    subprocess.run(["aarch64-linux-gnu-as", "-o", path + ".o", path + ".s"], check=True)
    subprocess.run(["aarch64-linux-gnu-ld", f"-Ttext={start:#x}", "-e", "0", "-o", path + ".new", path + ".o"],
                   check=True)
    os.replace(path + ".new", path)
    return path


@case("full")
def debugger_symbols(ctx):
    """gdb: break in start_kernel, backtrace with the kernel's symbols, watch a variable, step, the second vCPU."""
    need("gdb-multiarch")
    need("aarch64-linux-gnu-as")
    symbols = kernel_symbols(ctx)
    port = free_port()
    script = [f"target remote 127.0.0.1:{port}", "break start_kernel", "continue", "bt", "delete",
              # the preemption count of the first task
              "set $task = $SP_EL0", "watch *(unsigned long *)($task + 8)", "continue", "delete",
              "hbreak vfs_read", "continue", "bt", "delete", "thread 2", "x/i $pc", "thread 1", "stepi", "stepi",
              "info threads", "monitor info status", "kill"]
    command = ["gdb-multiarch", "-nx", "-batch", "-ex", "set architecture aarch64", symbols]
    for line in script:
        command += ["-ex", line]
    with Machine(kernel(ctx, "nokaslr quiet", "-S", "-gdb", f"tcp:127.0.0.1:{port}", cpus=2), ctx.log()) as m:
        time.sleep(1)
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180,
                             check=False).stdout
        for pattern in (r"hit Breakpoint 1, 0x\w+ in start_kernel", r"#1 +0x\w+ in __primary_switched",
                        r"Hardware watchpoint 2[\s\S]*Old value = (\d+)\s+New value = (?!\1\b)\d+",
                        r"hit Breakpoint 3, 0x\w+ in vfs_read", r"#1 +0x\w+ in ksys_read",
                        r"Switching to thread 2[\s\S]*=> 0x\w+", r"CPU#1 \[on\]", r"VM status: paused"):
            assert re.search(pattern, out), f"no {pattern} in\n{out}"
        assert m.end(20) == 0


def disk_command(ctx, disk, *more, cpus=2):
    return ctx.command("-M", "virt", "-smp", str(cpus), "-m", "1024", "-nographic", "-no-reboot",
                       "-drive", f"file={disk},format=raw,if=virtio,snapshot=on", *more)


def direct(guest):
    return ["-kernel", os.path.join(guest, "vmlinuz-disk"), "-initrd", os.path.join(guest, "initrd-disk"),
            "-append", "root=LABEL=root rw console=ttyAMA0"]


def log_in(m):
    m.wait(r"myna-guest login:", 300)
    m.send("root\n")
    m.wait(r"Password:", 60)
    m.send("myna\n")
    m.wait(r"root@myna-guest.*#", 60)
    m.send("export PS1='$ ' TERM=dumb; stty -echo; echo REA''DY\n")
    m.wait(r"READY", 60)


def shell(m, command, timeout=120):
    """Runs a command in the guest's shell; its output. A failure of it is one of the case."""
    m.send(f"{command}; echo STAT''US:$?\n")
    found = m.wait(r"([\s\S]*?)STATUS:(\d+)", timeout)
    assert found[2] == "0", f"{command}: {found[1][-500:]}"
    return found[1]


@case("full")
def debian_direct(ctx):
    """Debian on a disk by direct kernel: login, disk, network, apt, power button."""
    guest = ctx.guest("disk")
    folder = tempfile.mkdtemp(prefix="myna-")
    path = os.path.join(folder, "qmp")
    port = free_port()
    command = disk_command(ctx, os.path.join(guest, "disk.img"), *direct(guest),
                           "-nic", f"user,hostfwd=tcp:127.0.0.1:{port}-:22",
                           "-qmp", f"unix:{path},server=on,wait=off")
    try:
        with Machine(command, ctx.log()) as m:
            log_in(m)
            assert "running" in shell(m, "systemctl is-system-running --wait || systemctl --failed", 120)
            shell(m, "dd if=/dev/urandom of=/root/part bs=1M count=64 && for i in $(seq 16); do cat /root/part; done "
                     ">/root/big && sync && echo 3 >/proc/sys/vm/drop_caches && "
                     "[ $(md5sum </root/big | cut -c1-32) = $(for i in $(seq 16); do cat /root/part; done | md5sum | "
                     "cut -c1-32) ]", 600)
            shell(m, "rm /root/big; apt-get update -q && apt-get install -q -y sl", 600)
            shell(m, "test -x /usr/games/sl")
            key = os.path.join(folder, "key")
            shutil.copy(os.path.join(guest, "ssh-key"), key)
            os.chmod(key, 0o600)
            ssh = ["-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                   "ConnectTimeout=60"]
            subprocess.run(["scp", *ssh, "-P", str(port), __file__, "root@127.0.0.1:/root/copied"], check=True,
                           timeout=120)
            out = subprocess.run(["ssh", *ssh, "-p", str(port), "root@127.0.0.1", "wc -c </root/copied; uname -m"],
                                 stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout.split()
            assert out == [str(os.path.getsize(__file__)), "aarch64"], out
            Qmp(path).call("system_powerdown")
            m.wait(r"reboot: Power down", 120)
            assert m.end() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case("full")
def debian_efi(ctx):
    """The same disk by EDK2 from its EFI partition."""
    guest = ctx.guest("disk")
    firmware = ctx.guest("firmware")
    command = disk_command(ctx, os.path.join(guest, "disk.img"),
                           "-bios", os.path.join(firmware, "firmware/QEMU_EFI.fd"))
    with Machine(command, ctx.log()) as m:
        log_in(m)
        shell(m, "test -d /sys/firmware/efi || dmesg | grep -q 'EFI v2'")
        m.send("poweroff\n")
        m.wait(r"reboot: Power down", 120)
        assert m.end() == 0


@case("base")
def variables_file(ctx):
    """Where `myna run DISK` keeps the firmware's variables: made beside the disk, kept as it is, and when it is not made."""
    if not any(os.path.exists(p) for p in ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd")):
        raise Skip("needs Debian's EDK2 (qemu-efi-aarch64)")
    folder = tempfile.mkdtemp(prefix="myna-")
    disk = os.path.join(folder, "a, b.raw") # a comma is part of the name
    kept = disk + ".efivars"

    def run(*more):
        with Machine([ctx.myna, "run", disk, "--paused", "--no-network", "--name", name, *more], ctx.log()) as m:
            end = time.monotonic() + 60
            while subprocess.run([ctx.myna, "ctl", name, "quit"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 check=False).returncode:
                assert time.monotonic() < end and m.process.poll() is None, "never listened"
                time.sleep(0.1)
            assert m.end(30) == 0
            return m.text

    name = os.path.basename(folder)
    try:
        with open(disk, "wb") as out:
            out.truncate(1 << 20)
        for more in (("--snapshot",), ("--variables", "none")):
            run(*more)
            assert os.listdir(folder) == [os.path.basename(disk)], more
        run()
        assert os.path.getsize(kept) == 64 << 20 and os.stat(kept).st_blocks < 2048
        with open(kept, "r+b") as out:
            out.write(b"what the firmware wrote")
        run()
        run("--snapshot")
        with open(kept, "rb") as data:
            assert data.read(23) == b"what the firmware wrote"
        os.rename(kept, kept + ".elsewhere")
        os.symlink("/proc/none/such", kept) # nothing can be made there
        assert "variables are not kept" in run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case("full")
def efi_variables(ctx):
    """`myna run DISK`: what the firmware is told to keep is there at the next start; the guest sees the UUID."""
    guest = ctx.guest("disk")
    firmware = os.path.join(ctx.guest("firmware"), "firmware/QEMU_EFI.fd")
    name = "/sys/firmware/efi/efivars/Myna-12345678-1234-1234-1234-123456789abc"
    folder = tempfile.mkdtemp(prefix="myna-")
    disk = os.path.join(folder, "disk.qcow2")
    try:
        subprocess.run([ctx.myna, "image", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
                        os.path.join(guest, "disk.img"), disk], check=True)
        uuid = "550e8400-e29b-41d4-a716-446655440000"
        command = [ctx.myna, "run", disk, "--firmware", firmware, "--variables", disk + ".efivars", "--no-network",
                   "--uuid", uuid]
        for first in (True, False):
            with Machine(command, ctx.log("-first" if first else "-second")) as m:
                log_in(m)
                shell(m, "mountpoint -q /sys/firmware/efi/efivars || "
                         "mount -t efivarfs efivarfs /sys/firmware/efi/efivars")
                if first:
                    shell(m, f"printf '\\007\\000\\000\\000kept' >{name}")
                assert uuid in shell(m, "cat /sys/class/dmi/id/product_uuid")
                assert "kept" in shell(m, f"cat {name} | tr -d '\\000\\007'")
                m.send("poweroff\n")
                m.wait(r"reboot: Power down", 120)
                assert m.end() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case("full")
def debian_make(ctx):
    """20 times with 1, 2 and 4 cpus: a parallel make and a stress of locks and signals in Debian."""
    guest = ctx.guest("disk")
    folder = os.path.join(os.path.dirname(__file__), "stress")
    for cpus in (1, 2, 4):
        command = disk_command(ctx, os.path.join(guest, "disk.img"), *direct(guest),
                               "-fsdev", f"local,id=f,path={folder},security_model=none",
                               "-device", "virtio-9p-pci,fsdev=f,mount_tag=stress", cpus=cpus)
        with Machine(command, ctx.log(f"-{cpus}")) as m:
            log_in(m)
            shell(m, "mount -t 9p -o trans=virtio,ro stress /mnt")
            for _ in range(20):
                made = shell(m, "rm -rf /root/made && mkdir /root/made && cd /root/made && "
                                f"make -f /mnt/Makefile -j{2 * cpus} >log 2>&1; tail -n 3 log *.out", 900)
                assert re.search(r"^MADE$", made, re.M), made
            found = shell(m, "dmesg | grep -E 'BUG|Oops|lockup|[^n]stall|WARNING|tests.*failed' | head -n 5; true")
            assert "[ " not in found, "the kernel complains: " + found
            m.send("poweroff\n")
            m.wait(r"reboot: Power down", 120)
            assert m.end() == 0


@case("full")
def uboot(ctx):
    """U-Boot from flash to its prompt."""
    firmware = ctx.guest("firmware")
    with Machine(ctx.command("-M", "virt", "-m", "512", "-nographic", "-no-reboot", "-nic", "none",
                             "-bios", os.path.join(firmware, "firmware/u-boot.bin")), ctx.log()) as m:
        m.wait(r"U-Boot 20", 60)
        m.wait(r"Hit any key to stop autoboot|=> ", 60)
        m.send("\n\n")
        m.wait(r"=> ", 60)
        m.send("version\n")
        m.wait(r"U-Boot 20", 30)

"""Debian packages of any suite and architecture, through apt with a state folder of its own.

The system's package lists are left alone and no root is needed. Downloads are verified as apt does
and cached; the mirror is the one of the system's own apt sources."""

import glob
import os
import re
import subprocess
import sys

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def mirror():
    """$MYNA_DEBIAN_MIRROR, or the first URI of the system's apt sources that serves Debian."""
    if os.environ.get("MYNA_DEBIAN_MIRROR"):
        return os.environ["MYNA_DEBIAN_MIRROR"]
    texts = []
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")) + \
            ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*.list")):
        try:
            with open(path, encoding="utf-8") as source:
                texts.append(source.read())
        except OSError:
            pass
    for text in texts:
        for pattern in (r"^URIs:\s*(\S+)", r"^deb\s+(?:\[[^]]*\]\s*)?(\S+)"):
            for uri in re.findall(pattern, text, re.M):
                if re.search(r"/debian/?$", uri):
                    return uri
    sys.exit("no Debian mirror in the system's apt sources: set MYNA_DEBIAN_MIRROR to one")


class Apt:
    """apt with a state folder of its own, for one architecture and suite."""

    def __init__(self, folder, arch, suite):
        self.folder = os.path.abspath(folder)
        for name in ("lists/partial", "cache/archives/partial", "etc"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        open(self.path("status"), "a", encoding="utf-8").close()
        signed = f" signed-by={KEYRING}" if os.path.exists(KEYRING) else ""
        with open(self.path("sources.list"), "w", encoding="utf-8") as out:
            out.write(f"deb [arch={arch}{signed}] {mirror()} {suite} main\n")
        self.options = [f"-o{option}" for option in (
            f"APT::Architecture={arch}", f"APT::Architectures={arch}",
            f"Dir::State={self.folder}", f"Dir::State::Lists={self.path('lists')}",
            f"Dir::State::status={self.path('status')}", f"Dir::Cache={self.path('cache')}",
            f"Dir::Etc::SourceList={self.path('sources.list')}", "Dir::Etc::SourceParts=/dev/null",
            "Dir::Etc::Preferences=/dev/null", "Dir::Etc::PreferencesParts=/dev/null",
            "APT::Sandbox::User=", "Debug::NoLocking=1", "APT::Install-Recommends=0",
            "APT::Get::List-Cleanup=0", "Acquire::Languages=none", "Acquire::Retries=3",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=0")]

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, program, *arguments, **keywords):
        return subprocess.run([program, *self.options, *arguments], check=True, text=True,
                              stdin=subprocess.DEVNULL, **keywords)

    def update(self):
        if not os.path.exists(self.path("updated")):
            print("apt: reading package lists", file=sys.stderr, flush=True)
            self.run("apt-get", "-q", "update", stdout=subprocess.DEVNULL)
            open(self.path("updated"), "w", encoding="utf-8").close()

    def known(self):
        names = self.run("apt-cache", "pkgnames", stdout=subprocess.PIPE).stdout
        return set(names.split())

    def fetch(self, packages):
        """Downloads packages and dependencies; returns the .deb paths of the whole solution."""
        plan = self.run("apt-get", "-y", "--print-uris", "install", *packages,
                        stdout=subprocess.PIPE).stdout
        names = re.findall(r"^'[^']+' (\S+\.deb) (\d+)", plan, re.M)
        size = sum(int(bytes_) for _, bytes_ in names) >> 20
        print(f"apt: {len(names)} packages to download ({size} MB), the rest is cached",
              file=sys.stderr, flush=True)
        self.run("apt-get", "-q", "-y", "--download-only", "install", *packages,
                 stdout=subprocess.DEVNULL)
        listed = self.run("apt-get", "-y", "-s", "install", *packages,
                          stdout=subprocess.PIPE).stdout
        debs = []
        for name, version in re.findall(r"^Inst (\S+) \((\S+)", listed, re.M):
            name = glob.escape(f"{name}_{version.replace(':', '%3a')}_")
            debs += glob.glob(os.path.join(self.path("cache/archives"), name + "*.deb"))
        return debs

    def download(self, package):
        """Downloads one package without dependencies; returns the path of its .deb."""
        self.run("apt-get", "-q", "download", package, stdout=subprocess.DEVNULL,
                 cwd=self.path("cache/archives"))
        found = glob.glob(os.path.join(self.path("cache/archives"), package + "_*.deb"))
        return max(found, key=os.path.getmtime)

#!/usr/bin/env python3
"""A small internet with NATs, for labs: one process between the network namespaces of some hosts.

Each host gets a tun device as its `eth0`; whatever it sends comes here, is translated, filtered, delayed or lost as its
site's NAT and line say, and goes out of the tun device of the host that it is for. Nothing leaves these devices.

    router.py CONFIG          CONFIG is a file with JSON, or - for one line of standard input

It says "ready" once all devices are up and ends with standard input. The configuration:

    {"seed": 1, "sites": [SITE, ...]}

SITE    "name"
        "hosts"     [{"netns": "...", "interface": "eth0", "addresses": ["192.0.2.2/24", "2001:db8:1::2/64"]}]
        "nat"       NAT; without one the site's addresses are public. IPv6 is never translated.
        "out", "in" LINE, from the site to the core and from there
        "behind"    the site that this one is in (a double NAT), instead of the core
        "block"     ["udp", "tcp"]: what does not get through in either direction
        "isolated"  whether its hosts cannot reach each other by their inside addresses (default false)
NAT     "external"  its public IPv4 address
        "mapping"   "EIM", "ADM" or "APDM"; "filtering": "EIF", "ADF" or "APDF" (RFC 4787 4.1 and 5)
        "ports"     "preserved" where they are free (the default), or "random"
        "hairpin"   whether inside hosts reach each other by their external addresses (default false)
        "timeout_s" how long a mapping lives without packets from inside (default 120)
        "permits"   what a filter remembers belongs to the "mapping" (the default) or to the inner "socket"
LINE    "loss_percent", "delay_ms", "jitter_ms" (uniform, at most so much more; may reorder); all default to 0
        "loss_of"   "udp" (the default) or "all"

It handles UDP, TCP and ICMP errors about them. Later fragments are dropped.
"""

import fcntl
import heapq
import ipaddress
import itertools
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

# Nothing but sources belongs beside this file.
sys.dont_write_bytecode = True
from nat import ICMP, TCP, UDP, Nat, Packet  # noqa: E402

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
PROTOCOLS = {"udp": UDP, "tcp": TCP}
# How many packets of one device are taken before the others get their turn.
BATCH = 64


class Line:
    def __init__(self, config, rng):
        self.loss = config.get("loss_percent", 0) / 100
        self.delay = config.get("delay_ms", 0) / 1000
        self.jitter = config.get("jitter_ms", 0) / 1000
        self.only_udp = config.get("loss_of", "udp") == "udp"
        self.rng = rng

    def takes(self, data):
        """After how many seconds it is at the other end; None if never."""
        if self.loss and (protocol_of(data) == UDP or not self.only_udp) and self.rng.random() < self.loss:
            return None
        return self.delay + (self.rng.random() * self.jitter if self.jitter else 0)


class Site:
    def __init__(self, config, rng):
        self.name = config["name"]
        self.nat = Nat(config["nat"], rng) if config.get("nat") else None
        self.out_line, self.in_line = Line(config.get("out", {}), rng), Line(config.get("in", {}), rng)
        self.block = {PROTOCOLS[name] for name in config.get("block", [])}
        self.is_isolated = config.get("isolated", False)
        self.behind = config.get("behind")
        self.parent = None
        # Who has an inside address: a device's number, or a site within this one.
        self.inside = {}


def protocol_of(data):
    if data[0] >> 4 == 6:
        return data[6]
    return data[9]


def destination(data):
    return bytes(data[24:40]) if data[0] >> 4 == 6 else bytes(data[16:20])


class Internet:
    def __init__(self, config):
        rng = random.Random(config.get("seed"))
        self.sites = {site["name"]: Site(site, rng) for site in config["sites"]}
        # Which site has a public address.
        self.public = {}
        self.devices = {}
        self.due, self.counter = [], itertools.count()
        for site in self.sites.values():
            site.parent = self.sites[site.behind] if site.behind else None
        for site in config["sites"]:
            for host in site["hosts"]:
                self.add_host(self.sites[site["name"]], host)
        for site in self.sites.values():
            if site.nat:
                owners = site.parent.inside if site.parent else self.public
                owners[site.nat.external] = site

    def add_host(self, site, host):
        device = open_device(host, len(self.devices))
        self.devices[device] = site
        for address in host["addresses"]:
            address = ipaddress.ip_interface(address).ip
            site.inside[address.packed] = device
            if address.version == 6 or not site.nat:
                self.make_public(site, address.packed)

    def make_public(self, site, address):
        while site.parent:
            site.parent.inside[address] = site
            site = site.parent
        self.public[address] = site

    def run(self):
        stdin = sys.stdin.fileno()
        watched = [*self.devices, stdin]
        while True:
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                _, _, step, site, data = heapq.heappop(self.due)
                step(site, data, now)
            wait = max(0, self.due[0][0] - time.monotonic()) if self.due else None
            # Not poll(): that counts in whole milliseconds.
            ready, _, _ = select.select(watched, [], [], wait)
            now = time.monotonic()
            for device in ready:
                if device == stdin:
                    if not os.read(stdin, 4096):
                        return
                    continue
                for data in read(device):
                    self.leave(self.devices[device], data, now)

    def later(self, seconds, step, site, data, now):
        if seconds:
            heapq.heappush(self.due, (now + seconds, next(self.counter), step, site, data))
        else:
            step(site, data, now)

    def leave(self, site, data, now):
        """From inside a site to wherever it is for."""
        owner = site.inside.get(destination(data))
        if owner is not None:
            if not site.is_isolated:
                self.hand_over(owner, data, now)
            return
        if protocol_of(data) in site.block:
            return
        if site.nat and data[0] >> 4 == 4:
            data = self.translated(site.nat.out, data, now)
            if data is None:
                return
            if destination(data) == site.nat.external:
                if site.nat.hairpins:
                    self.enter(site, data, now)
                return
        seconds = site.out_line.takes(data)
        if seconds is not None:
            self.later(seconds, self.out_there, site, data, now)

    def out_there(self, site, data, now):
        """Outside of a site."""
        if site.parent:
            self.leave(site.parent, data, now)
            return
        other = self.public.get(destination(data))
        if other is not None and other is not site:
            self.approach(other, data, now)

    def approach(self, site, data, now):
        seconds = site.in_line.takes(data)
        if seconds is not None:
            self.later(seconds, self.enter, site, data, now)

    def enter(self, site, data, now):
        """At the outside of a site's NAT."""
        if protocol_of(data) in site.block:
            return
        if site.nat and data[0] >> 4 == 4:
            data = self.translated(site.nat.come_in, data, now)
            if data is None:
                return
        owner = site.inside.get(destination(data))
        if owner is not None:
            self.hand_over(owner, data, now)

    def hand_over(self, owner, data, now):
        if isinstance(owner, Site):
            self.approach(owner, data, now)
            return
        try:
            os.write(owner, data)
        except OSError:
            # The host is gone, or has no room: as on any other line the packet is lost.
            pass

    @staticmethod
    def translated(translate, data, now):
        is_first_fragment = struct.unpack_from("!H", data, 6)[0] & 0x1FFF == 0
        if not is_first_fragment or data[9] not in (ICMP, TCP, UDP):
            return None
        packet = Packet(data)
        if data[9] == ICMP and not packet.is_icmp_error():
            return None
        return packet.data if translate(packet, now) else None


def read(device):
    for _ in range(BATCH):
        try:
            data = os.read(device, 65535)
        except BlockingIOError:
            return
        except OSError:
            return
        if len(data) >= (40 if data[0] >> 4 == 6 else 20):
            yield data


def open_device(host, number):
    """Makes a tun device, moves it into the host's namespace, and gives it addresses and the default routes."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    name = f"lab{os.getpid()}-{number}"
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
    netns, interface = host["netns"], host.get("interface", "eth0")
    ip("link", "set", "dev", name, "netns", netns, "name", interface)
    commands = [f"link set {interface} up"]
    families = set()
    for address in host["addresses"]:
        family = ipaddress.ip_interface(address).version
        families.add(family)
        commands.append(f"addr add {address} dev {interface}{' nodad' if family == 6 else ''}")
    commands += [f"-{family} route add default dev {interface}" for family in sorted(families)]
    for command in commands:
        ip("-n", netns, *command.split())
    return device


def ip(*words):
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "-":
        config = json.loads(sys.stdin.readline())
    else:
        with open(sys.argv[1], encoding="utf-8") as file:
            config = json.load(file)
    internet = Internet(config)
    try:
        # On a busy machine delays would be those of the scheduler.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        pass
    print("ready", flush=True)
    internet.run()


if __name__ == "__main__":
    main()

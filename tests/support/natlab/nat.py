"""Network address translation as RFC 4787 describes it, for `router.py`: packets, and the NAT that they go through."""

import ipaddress
import struct

ICMP, TCP, UDP = 1, 6, 17
# ICMP errors (RFC 792), which hold the header of the packet that they are about.
ICMP_ERRORS = {3, 11, 12}
# Offset of the checksum within the header that follows IPv4's.
CHECKSUM_AT = {TCP: 16, UDP: 6}
# Ports that a NAT gives where it does not keep the inner one.
PORTS = range(20000, 60000)


class Packet:
    """An IPv4 packet with TCP or UDP, or an ICMP error about one."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.at = (data[0] & 0xF) * 4
        self.protocol = data[9]

    def end(self, is_source, at=0, ports_at=None):
        """(address, port) of the source or the destination of the header at `at`."""
        ports_at = self.at if ports_at is None else ports_at
        address = bytes(self.data[at + (12 if is_source else 16):][:4])
        return address, struct.unpack_from("!H", self.data, ports_at + (0 if is_source else 2))[0]

    def rewrite(self, is_source, end):
        """Sets one end and corrects both checksums (RFC 1624)."""
        address_at, port_at = (12, self.at) if is_source else (16, self.at + 2)
        old = self.data[address_at:address_at + 4]
        old_port = self.data[port_at:port_at + 2]
        address, port = end
        port = struct.pack("!H", port)
        self.data[address_at:address_at + 4] = address
        self.data[port_at:port_at + 2] = port
        adjust(self.data, 10, old, address)
        at = self.at + CHECKSUM_AT[self.protocol]
        # A UDP checksum of 0 says that there is none.
        if self.protocol == TCP or self.data[at:at + 2] != b"\0\0":
            adjust(self.data, at, old + old_port, address + port)

    def is_icmp_error(self):
        return self.protocol == ICMP and len(self.data) > self.at and self.data[self.at] in ICMP_ERRORS

    def inner(self):
        """Where the packet that an ICMP error is about begins, where its ports are, and its protocol."""
        begin = self.at + 8
        if len(self.data) < begin + 20:
            return None
        ports_at = begin + (self.data[begin] & 0xF) * 4
        protocol = self.data[begin + 9]
        if len(self.data) < ports_at + 4 or protocol not in CHECKSUM_AT:
            return None
        return begin, ports_at, protocol

    def rewrite_error(self, is_source, end, outer_is_source, outer):
        """Sets one end of the inner packet and one address of the ICMP packet."""
        begin, ports_at, _ = self.inner()
        address, port = end
        at = begin + (12 if is_source else 16)
        self.data[at:at + 4] = address
        struct.pack_into("!H", self.data, ports_at + (0 if is_source else 2), port)
        at = 12 if outer_is_source else 16
        self.data[at:at + 4] = outer
        resum(self.data, 10, self.data[:self.at])
        resum(self.data, begin + 10, self.data[begin:ports_at])
        resum(self.data, self.at + 2, self.data[self.at:])


def adjust(data, at, old, new):
    total = ~struct.unpack_from("!H", data, at)[0] & 0xFFFF
    for (before,), (after,) in zip(struct.iter_unpack("!H", old), struct.iter_unpack("!H", new)):
        total += (~before & 0xFFFF) + after
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", data, at, ~total & 0xFFFF)


def resum(data, at, part):
    """Writes the Internet checksum (RFC 1071) of `part`, which holds the one at `at`."""
    total = sum(word for (word,) in struct.iter_unpack("!H", bytes(part) + b"\0" * (len(part) % 2)))
    total -= struct.unpack_from("!H", data, at)[0]
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", data, at, ~total & 0xFFFF)


class Mapping:
    def __init__(self, key, inside, port, permits):
        self.key, self.inside, self.port, self.permits = key, inside, port, permits
        self.used = 0.0


class Nat:
    def __init__(self, config, rng):
        self.external = ipaddress.IPv4Address(config["external"]).packed
        self.mapping, self.filtering = config["mapping"], config["filtering"]
        if self.mapping not in ("EIM", "ADM", "APDM") or self.filtering not in ("EIF", "ADF", "APDF"):
            raise ValueError(f"no such NAT: {config}")
        self.preserves = config.get("ports", "preserved") == "preserved"
        self.hairpins = config.get("hairpin", False)
        self.timeout = config.get("timeout_s", 120)
        self.by_socket = config.get("permits", "mapping") == "socket"
        self.rng = rng
        self.mappings, self.ports, self.permits = {}, {}, {}

    def out(self, packet, now):
        """Translates what an inside host sends; False if it is dropped."""
        if packet.is_icmp_error():
            return self.out_error(packet)
        inside, remote = packet.end(True), packet.end(False)
        mapping = self.mapping_for(packet.protocol, inside, remote, now)
        if mapping is None:
            return False
        mapping.used = now
        mapping.permits.add(self.permit(remote))
        packet.rewrite(True, (self.external, mapping.port))
        return True

    def come_in(self, packet, now):
        """Translates what comes to an external port; False if nobody there wants it."""
        if packet.is_icmp_error():
            return self.error_in(packet)
        remote, (_, port) = packet.end(True), packet.end(False)
        mapping = self.ports.get((packet.protocol, port))
        if mapping is None or self.is_over(mapping, now):
            return False
        if self.filtering != "EIF" and self.permit(remote) not in mapping.permits:
            return False
        packet.rewrite(False, mapping.inside)
        return True

    def permit(self, remote):
        return remote if self.filtering == "APDF" else remote[0]

    def mapping_for(self, protocol, inside, remote, now):
        towards = {"EIM": None, "ADM": remote[0], "APDM": remote}[self.mapping]
        key = (protocol, inside, towards)
        mapping = self.mappings.get(key)
        if mapping is not None and not self.is_over(mapping, now):
            return mapping
        if mapping is not None:
            del self.ports[protocol, mapping.port]
        port = self.free_port(protocol, inside[1], now)
        if port is None:
            return None
        permits = self.permits.setdefault((protocol, inside), set()) if self.by_socket else set()
        mapping = Mapping(key, inside, port, permits)
        self.mappings[key] = self.ports[protocol, port] = mapping
        return mapping

    def free_port(self, protocol, wanted, now):
        if self.preserves and self.is_free(protocol, wanted, now):
            return wanted
        for _ in range(1000):
            port = self.rng.choice(PORTS)
            if self.is_free(protocol, port, now):
                return port
        return None

    def is_free(self, protocol, port, now):
        mapping = self.ports.get((protocol, port))
        if mapping is None:
            return True
        if not self.is_over(mapping, now):
            return False
        del self.ports[protocol, port]
        del self.mappings[mapping.key]
        return True

    def is_over(self, mapping, now):
        return now - mapping.used > self.timeout

    def out_error(self, packet):
        """An inside host objects to a packet that came in: its destination is shown as it was outside."""
        found = packet.inner()
        if found is None:
            return False
        begin, ports_at, protocol = found
        inside = packet.end(False, begin, ports_at)
        remote = packet.end(True, begin, ports_at)
        for (mapped_protocol, _, _), mapping in self.mappings.items():
            if mapped_protocol == protocol and mapping.inside == inside and (
                self.filtering == "EIF" or self.permit(remote) in mapping.permits
            ):
                packet.rewrite_error(False, (self.external, mapping.port), True, self.external)
                return True
        return False

    def error_in(self, packet):
        """Somebody outside objects to a packet of an inside host."""
        found = packet.inner()
        if found is None:
            return False
        begin, ports_at, protocol = found
        mapping = self.ports.get((protocol, packet.end(True, begin, ports_at)[1]))
        if mapping is None:
            return False
        packet.rewrite_error(True, mapping.inside, False, mapping.inside[0])
        return True

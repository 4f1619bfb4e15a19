"""A name server for odd answers: dnsd.py ADDRESS ZONE. ZONE has lines `NAME TYPE VALUE`, of A, AAAA, CNAME and SRV; in place of a value
!servfail, !refused or !silent. Of other names it says that there is none."""
import socket, struct, sys
TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33}
ERRORS = {"!servfail": 2, "!refused": 5}
zone = {}
for line in open(sys.argv[2]):
    name, kind, value = line.split(None, 2)
    zone.setdefault(name, {}).setdefault(TYPES[kind], []).append(value.strip())

def encoded(name): return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
def record(kind, value):
    if kind == 1: return socket.inet_aton(value)
    if kind == 28: return socket.inet_pton(socket.AF_INET6, value)
    if kind == 5: return encoded(value)
    *numbers, target = value.split()
    return struct.pack("!HHH", *map(int, numbers)) + encoded(target)

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
while True:
    data, src = s.recvfrom(2000)
    try:
        at, labels = 12, []
        while data[at]: labels.append(data[at + 1:at + 1 + data[at]].decode()); at += 1 + data[at]
        name, kind, question = ".".join(labels).lower(), struct.unpack("!H", data[at + 1:at + 3])[0], data[12:at + 5]
    except (IndexError, ValueError, struct.error):
        continue
    records, asked = [], name
    while (there := zone.get(asked)) is not None and kind not in there and 5 in there:
        records.append((asked, 5, there[5][0])); asked = there[5][0]
    values = (there or {}).get(kind, [])
    if "!silent" in values: continue
    error = 3 if there is None else next((ERRORS[v] for v in values if v in ERRORS), 0)
    records += [(asked, kind, v) for v in values if v not in ERRORS]
    body = b"".join(encoded(n) + struct.pack("!HHIH", k, 1, 60, len(record(k, v))) + record(k, v) for n, k, v in records)
    s.sendto(data[:2] + struct.pack("!HHHHH", 0x8180 | error, 1, len(records), 0, 0) + question + body, src)

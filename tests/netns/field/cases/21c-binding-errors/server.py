# Answers each Binding request with an error, another one on each port.
import select
from stunkit import *
SAID = {3300: [(9, error(300, b"Try Alternate")), (0x8023, addr("198.51.100.11", 3478))], 3420: [(9, error(420, b"Unknown Attribute"))], 3500: [(9, error(500, b"Server Error"))]}
socks = {udp(("198.51.100.10", p)): said for p, said in SAID.items()}
while True:
    for s in select.select(list(socks), [], [])[0]:
        data, src = s.recvfrom(2000); m = parse(data)
        if m and m["class"] == 0 and m["method"] == 1: s.sendto(message(1, 3, m["tid"], socks[s], None, False), src)

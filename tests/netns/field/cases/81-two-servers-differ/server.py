# What a server sees that something before it changes, one a port: another address, and another port of the same one.
import select
from stunkit import *
SEEN = {3480: lambda src: ("203.0.113.77", src[1]), 3482: lambda src: (src[0], src[1] % 50000 + 7777)}
socks = {udp(("198.51.100.30", p)): seen for p, seen in SEEN.items()}
while True:
    for s in select.select(list(socks), [], [])[0]:
        data, src = s.recvfrom(2000); m = parse(data)
        if m and m["class"] == 0 and m["method"] == 1:
            s.sendto(message(1, 2, m["tid"], [(0x20, addr(*socks[s](src), m["tid"]))]), src)

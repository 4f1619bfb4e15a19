# Servers that see something else than the client, one a port: what stands before them sends on in its own name
import select
from stunkit import *
SEEN = {
 3480: "10.0.3.7",        # a load balancer in a private network
 3482: "100.64.9.9",      # one behind a carrier's addresses
 3484: "127.0.0.1",       # a proxy on the same machine
 3486: "198.51.100.10",   # one that takes the machine's own address
 3488: "169.254.8.1",     # a container's bridge
}
V6 = {3490: "fd00:42::1", 3492: "fe80::1"}
socks = {udp(("198.51.100.10", p)): ip for p, ip in SEEN.items()}
socks.update({udp(("2001:db8:5::10", p)): ip for p, ip in V6.items()})
while True:
    for s in select.select(list(socks), [], [])[0]:
        data, src = s.recvfrom(2000); m = parse(data)
        if m and m["class"] == 0 and m["method"] == 1:
            s.sendto(message(1, 2, m["tid"], [(0x20, addr(socks[s], src[1], m["tid"]))]), src)

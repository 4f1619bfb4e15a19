import sys
from stunkit import *
# Answers each Binding request with the address that it comes from.
s = udp((sys.argv[1], int(sys.argv[2])))
while True:
    d, src = s.recvfrom(2048); m = parse(d)
    if m: s.sendto(message(1, 2, m["tid"], [(0x20, addr(*src, m["tid"]))], None, False), src)

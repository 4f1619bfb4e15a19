"""STUN on 198.51.100.10:3478 and .12:3478 at once, on .11:3478 and .10:5000 after 1.4 s, on .10:5001 never."""
from stunkit import *

def serve(bind, delay):
    s = udp(bind)
    def answer(m, src): s.sendto(message(BINDING, 2, m["tid"], [(0x20, addr(*src, m["tid"]))]), src)
    while True:
        data, src = s.recvfrom(2048); m = parse(data)
        if m and delay is not None: threading.Timer(delay, answer, (m, src)).start()

for bind, delay in ((("198.51.100.11", 3478), 1.4), (("198.51.100.10", 5000), 1.4), (("198.51.100.10", 5001), None), (("198.51.100.12", 3478), 0)):
    threading.Thread(target=serve, args=(bind, delay), daemon=True).start()
serve(("198.51.100.10", 3478), 0)

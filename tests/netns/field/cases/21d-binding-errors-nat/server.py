"""STUN errors: 198.51.100.10:3500 says 500, .11:3400 says 400, .12:3600 sends noise, .10:3478 answers."""
from stunkit import *

def serve(bind, reply):
    s = udp(bind)
    while True:
        data, src = s.recvfrom(2048); m = parse(data)
        if m: s.sendto(reply(m, src), src)

fail = lambda code, why: lambda m, src: message(BINDING, 3, m["tid"], [(9, error(code, why))])
noise = lambda m, src: message(BINDING, 2, m["tid"], [(0x20, b"\0\1")])
for bind, reply in ((("198.51.100.10", 3500), fail(500, b"Server Error")), (("198.51.100.11", 3400), fail(400, b"")), (("198.51.100.12", 3600), noise)):
    threading.Thread(target=serve, args=(bind, reply), daemon=True).start()
serve(("198.51.100.10", 3478), lambda m, src: message(BINDING, 2, m["tid"], [(0x20, addr(*src, m["tid"]))]))

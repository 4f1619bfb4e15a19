"""A small TURN server over UDP with the habits of others: miniturn.py ADDRESS [bad-request-on-wrong-credentials] [unsigned-channel-bind]
[wrong-credentials=CODE|silence] [permission=CODE|silence] [channel=CODE|silence] [refresh=CODE|silence] [realm-changes] [no-mapped-address]
[no-lifetime] [no-relayed-address] [ignores-family] [no-default-family] [delay=SECONDS] [allocate=CODE] [realm=TEXT] [nonce=TEXT]
[software=HEX] [mapped=plain|old|ATTRIBUTE OF ANOTHER ADDRESS] [unknown-required] [alternate=ADDRESS:PORT] [twice] [answers-from=PORT]
[flip=BYTE] [pad=BYTES] [cut=BYTES] [drops=out|send] [data-of=ADDRESS] [relays-from=ADDRESS] [slow-answers=SECONDS] [no-channel-data]
User lab, password labpass, realm lab.example, port 3478, relayed addresses on ADDRESS. Nothing in it is made to last."""
import select, struct, sys
from stunkit import *
HOST, HABITS = sys.argv[1], sys.argv[2:]
def habit(name, otherwise=None): return next((h.partition("=")[2] for h in HABITS if h.startswith(name + "=")), otherwise)
REALM = habit("realm", "lab.example").encode().decode("unicode_escape").encode("latin-1")
KEY = long_key(b"lab", REALM, b"labpass")
NONCE, DATA, PEER = habit("nonce", os.urandom(16).hex()).encode(), 0x13, 0x12
SOFTWARE = [(0x8022, bytes.fromhex(habit("software")))] if habit("software") else []
front, allocations, relays, realms = udp((HOST, 3478)), {}, {}, []

def signed_by_lab(m):
    pos = 20
    for t, v in m["attrs"]:
        if t == 8:
            head = m["raw"][:2] + struct.pack("!H", pos + 4) + m["raw"][4:pos]
            return get(m, 6) == b"lab" and hmac.new(KEY, head, hashlib.sha1).digest() == v
        pos += 4 + (len(v) + 3) // 4 * 4

def peer(v, tid):
    return socket.inet_ntoa(bytes(a ^ b for a, b in zip(v[4:8], struct.pack("!I", COOKIE)))), struct.unpack("!H", v[2:4])[0] ^ COOKIE >> 16

def answer(m, src):
    def fail(code, reason, *attrs): return message(m["method"], 3, m["tid"], [(9, error(code, reason)), *attrs, *SOFTWARE], None, False)
    def ok(*attrs): return message(m["method"], 2, m["tid"], [*attrs, *SOFTWARE, *([(0x7ffe, b"odd!")] if "unknown-required" in HABITS else [])], KEY, False)
    if m["method"] == BINDING: return message(BINDING, 2, m["tid"], [(0x20, addr(*src, m["tid"]))], None, False)
    realm = REALM
    if habit("alternate") and m["method"] == ALLOCATE:
        ip, _, port = habit("alternate").rpartition(":"); return fail(300, b"Try Alternate", (0x8023, addr(ip, int(port))))
    if "realm-changes" in HABITS: realms.append(realm := b"lab%d.example" % len(realms))
    challenge = (0x14, realm), (0x15, NONCE)
    if get(m, 8) is None: return fail(401, b"Unauthorized", *challenge)
    wrong = next((h.partition("=")[2] for h in HABITS if h.startswith("wrong-credentials=")), None)
    if wrong and not signed_by_lab(m): return None if wrong == "silence" else fail(int(wrong), b"", *(challenge if wrong == "438" else ()))
    if not signed_by_lab(m): return fail(400, b"") if "bad-request-on-wrong-credentials" in HABITS else fail(401, b"Unauthorized", *challenge)
    a = allocations.get(src)
    if m["method"] == ALLOCATE:
        if a: return fail(437, b"Allocation Mismatch")
        if "no-default-family" in HABITS and get(m, 0x17) is None: return fail(440, b"Address Family not Supported")
        if (get(m, 0x17) or b"\1")[0] != 1 and "ignores-family" not in HABITS: return fail(440, b"Address Family not Supported")
        if get(m, 0x19) is None or get(m, 0x19)[0] != 17: return fail(442, b"Unsupported Transport Protocol")
        if habit("allocate"): return fail(int(habit("allocate")), b"", *(challenge if habit("allocate") == "438" else ()))
        a = allocations[src] = {"sock": udp((HOST, 0)), "may": set(), "channels": {}}; relays[a["sock"]] = src
        mapped = [] if "no-mapped-address" in HABITS else [(0x20, addr(*src, m["tid"]))]
        if habit("mapped") == "plain": mapped = [(0x20, addr(*src))]
        elif habit("mapped") == "old": mapped = [(0x01, addr(*src))]
        elif habit("mapped"): mapped = [(0x20, addr(habit("mapped"), src[1], m["tid"]))]
        relayed = [] if "no-relayed-address" in HABITS else [(0x16, addr(*a["sock"].getsockname(), m["tid"]))]
        return ok(*relayed, *mapped, *([] if "no-lifetime" in HABITS else [(0xD, struct.pack("!I", 600))]))
    if not a: return fail(437, b"Allocation Mismatch")
    name = {REFRESH: "refresh=", CHANBIND: "channel="}.get(m["method"], "?")
    said = next((h.partition("=")[2] for h in HABITS if h.startswith(name)), None)
    if said: return None if said == "silence" else fail(int(said), b"")
    if m["method"] == REFRESH:
        if get(m, 0xD) == b"\0\0\0\0": relays.pop(a["sock"]); a["sock"].close(); del allocations[src]
        return ok((0xD, get(m, 0xD) or struct.pack("!I", 600)))
    if any(t == PEER and v[1] != 1 for t, v in m["attrs"]): return fail(443, b"Peer Address Family Mismatch")
    peers = [peer(v, m["tid"]) for t, v in m["attrs"] if t == PEER]
    refusal = next((h.partition("=")[2] for h in HABITS if h.startswith("permission=")), None)
    if refusal: return None if refusal == "silence" else fail(int(refusal), b"", *challenge)
    if not peers or m["method"] not in (CREATEPERM, CHANBIND): return fail(400, b"Bad Request")
    a["may"] |= {ip for ip, _ in peers}
    if m["method"] == CHANBIND:
        a["channels"][struct.unpack("!H", get(m, 0xC)[:2])[0]] = peers[0]
        if "unsigned-channel-bind" in HABITS: return message(CHANBIND, 2, m["tid"], [], None, False)
    return ok()

def mangled(data):
    if habit("flip") and len(data) > int(habit("flip")): n = int(habit("flip")); data = data[:n] + bytes([data[n] ^ 1]) + data[n + 1:]
    if habit("cut"): data = data[:int(habit("cut"))]
    return data + b"\0" * int(habit("pad", 0))
AWAY = udp((habit("relays-from"), 0)) if habit("relays-from") else None
def to_peer(a, data, to):
    if habit("drops") != "out": (AWAY or a["sock"]).sendto(mangled(data), to)

DELAY = float(next((h.partition("=")[2] for h in HABITS if h.startswith("delay=")), 0))
OTHER = udp((HOST, int(habit("answers-from")))) if habit("answers-from") else None
def later(s, data, to):                                                  # all that goes to clients takes so long
    for _ in range(2 if "twice" in HABITS else 1):
        if DELAY: threading.Timer(DELAY, s.sendto, (data, to)).start()
        else: (OTHER or s).sendto(data, to)

while True:
    for s in select.select([front, *relays], [], [])[0]:
        data, src = s.recvfrom(65536)
        if s is not front:                                                   # from a peer to the client
            client = relays.get(s); a = allocations.get(client)
            if not a or src[0] not in a["may"]: continue
            n = None if "no-channel-data" in HABITS else next((n for n, p in a["channels"].items() if p == src), None)
            if habit("data-of"): src = (habit("data-of"), src[1])
            tid = os.urandom(12)
            later(front, struct.pack("!HH", n, len(data)) + data if n else message(7, 1, tid, [(PEER, addr(*src, tid)), (DATA, data)]), client)
            continue
        a, m = allocations.get(src), parse(data)
        if m and m["class"] == 0:
            said = answer(m, src)
            if said and habit("slow-answers"): threading.Timer(float(habit("slow-answers")), front.sendto, (said, src)).start()
            elif said: later(front, said, src)
        elif m and m["method"] == 6 and m["class"] == 1 and a and get(m, PEER):   # Send indication
            to = peer(get(m, PEER), m["tid"])
            if to[0] in a["may"] and habit("drops") != "send": to_peer(a, get(m, DATA) or b"", to)
        elif a and len(data) >= 4 and data[0] >> 6 == 1:                     # ChannelData
            n, length = struct.unpack("!HH", data[:4])
            if n in a["channels"]: to_peer(a, data[4:4 + length], a["channels"][n])

"""A slow line: slow.py DEVICE1 DEVICE2 SECONDS [LOSS]: what comes in on one goes out on the other after so many seconds, but for a part
of it. `slow.py --plain DEVICE` has a host's own device compute its checksums and cut its segments, which a line of software needs."""
import fcntl, heapq, itertools, random, select, socket, struct, sys, time

def plain(device):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    import array
    for command in (0x17, 0x19, 0x1f, 0x24, 0x2c):   # ETHTOOL_STXCSUM, SSG, STSO, SGSO, SGRO
        value = array.array("B", struct.pack("II", command, 0))
        try: fcntl.ioctl(s, 0x8946, struct.pack("16sP", device.encode(), value.buffer_info()[0]))
        except OSError: pass

def main(one, other, delay, loss):
    ends = {}
    for name in (one, other):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind((name, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20); ends[name] = s
    opposite = {ends[one]: ends[other], ends[other]: ends[one]}
    # Something that waits for this process to listen.
    ready = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); ready.bind(("127.0.0.1", 9))
    waiting, count = [], itertools.count()
    while True:
        left = waiting[0][0] - time.monotonic() if waiting else None
        for s in select.select(list(opposite), [], [], None if left is None else max(left, 0))[0]:
            data, about = s.recvfrom(70000)
            if about[2] == socket.PACKET_OUTGOING: continue
            # Who has an address is asked in the network before the line.
            is_local = data[12:14] == b"\x08\x06" or data[12:14] == b"\x86\xdd" and data[20] == 58 and 133 <= data[54] <= 137
            if is_local or random.random() >= loss:
                heapq.heappush(waiting, (time.monotonic() + (0 if is_local else delay), next(count), opposite[s], data))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, s, data = heapq.heappop(waiting)
            try: s.send(data)
            except OSError: pass

if sys.argv[1] == "--plain": plain(sys.argv[2])
else: main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else 0)

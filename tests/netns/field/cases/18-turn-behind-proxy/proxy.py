"""UDP load balancers: proxy.py LISTEN:PORT HOW BACKEND; HOW is keep (one flow for each client) or once (nginx with
proxy_responses 1: a new port for each request)."""
import select, socket, sys
host, port = sys.argv[1].split(":")
how, backend = sys.argv[2], (sys.argv[3], 3478)
front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); front.bind((host, int(port)))
flows, clients = {}, {}
while True:
    for s in select.select([front, *clients], [], [])[0]:
        data, source = s.recvfrom(65536)
        if s is not front:
            front.sendto(data, clients[s])
            if how == "once": del flows[clients.pop(s)]; s.close()
            continue
        if source not in flows:
            flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); flow.connect(backend)
            flows[source] = flow; clients[flow] = source
        flows[source].send(data)

#!/bin/bash
# Ports that take connections and have something else: an SSH and a mail server, a server behind the PROXY protocol, a proxy with nothing behind it
# (with TLS and without), one that closes at once, one that says nothing, TLS with old ciphers alone, and STUN without TLS.
. "$(dirname "$0")/../../lib.sh"; need haproxy haproxy; need nginx nginx-light; base_up; ca_up
coturn -L 198.51.100.10 -L 127.0.0.1 $USERS $PLAIN
cat >"$RUN/noise.py" <<'P'
import socket, sys, threading, time
def serve(port, first, close):
    s = socket.create_server(("198.51.100.10", port))
    while True:
        c, _ = s.accept()
        threading.Thread(target=one, args=(c, first, close), daemon=True).start()
def one(c, first, close):
    if first: c.sendall(first)
    while not close and c.recv(4096): pass
    c.close()
for port, first, close in (22, b"SSH-2.0-OpenSSH_9.6\r\n", False), (25, b"220 mail.example.org ESMTP Postfix\r\n", False), (81, b"", True), (82, b"", False):
    threading.Thread(target=serve, args=(port, first, close), daemon=True).start()
time.sleep(1e6)
P
python_in s "$RUN/noise.py"
printf '%s\n' defaults ' mode tcp' ' timeout connect 1s' ' timeout client 30s' ' timeout server 30s' \
  'frontend f1' ' bind 198.51.100.10:4443 ssl crt '"$CA/good-all.pem" ' default_backend none' \
  'frontend f2' ' bind 198.51.100.10:4444 accept-proxy' ' default_backend turn' \
  'frontend f3' ' bind 198.51.100.10:4445 accept-proxy ssl crt '"$CA/good-all.pem" ' default_backend turn' \
  'frontend f4' ' bind 198.51.100.10:4446' ' default_backend none' \
  'frontend f5' ' bind 198.51.100.10:4447 ssl crt '"$CA/good-all.pem"' ciphers ECDHE-ECDSA-AES128-SHA ssl-max-ver TLSv1.2' ' default_backend turn' \
  'frontend f6' ' bind 198.51.100.10:4448 ssl crt '"$CA/good-all.pem"' ciphers ALL:@SECLEVEL=0 ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.0' ' default_backend turn' \
  'backend turn' ' server t 127.0.0.1:3478' 'backend none' ' server t 127.0.0.1:9' >"$RUN/haproxy.cfg"
bg s haproxy -f "$RUN/haproxy.cfg"; ready s "$PID"
web "server { listen 198.51.100.10:8080; return 404; }"
T=turn.example.org
tcp() { local n=$1 p=$2; shift 2; try "$n" turn --no-policy "turn:$T:$p?transport=tcp" $LAB; }
tcp ssh 22; tcp mail 25; tcp closes 81; tcp silent 82; tcp http 8080; tcp nothing-in-tls-plain 4443; tcp proxy-protocol 4444; tcp proxy-protocol-tls-plain 4445; tcp nothing-behind 4446
try http-tls turn --no-policy turns:$T:8080 $LAB
try ssh-tls turn --no-policy turns:$T:22 $LAB
try nothing-in-tls turn --no-policy turns:$T:4443 $LAB
try proxy-protocol-tls turn --no-policy turns:$T:4445 $LAB
try old-ciphers turn --no-policy turns:$T:4447 $LAB
try old-version turn --no-policy turns:$T:4448 $LAB
try stuns-to-plain gather -s stuns:$T:3478
try stuns-to-web gather -s stuns:$T:8080

#!/bin/bash
# A port that speaks TLS with no TURN inside: a dead backend, a router by name without a rule or with a default, HTTP/2, one that closes, is silent or says something else.
. "$(dirname "$0")/../../lib.sh"; base_up
ca_up; need haproxy haproxy; need nginx nginx-light
U='turns:turn.example.org:443'
all() { try $1-turn turn --no-policy $U $LAB; try $1-gather gather -4 -s $U?transport=tcp $LAB; }
tls_front "$CA/good-all.pem" 127.0.0.1:9999; all dead-backend; stop $PID
# an SNI router without a default
printf '%s\n' defaults ' mode tcp' ' timeout connect 1s' ' timeout client 30s' ' timeout server 30s' 'frontend tls' ' bind 198.51.100.10:443' \
 ' tcp-request inspect-delay 2s' ' tcp-request content accept if { req.ssl_hello_type 1 }' ' use_backend www if { req.ssl_sni -i www.example.org }' \
 'backend www' ' server t 127.0.0.1:8443' >"$RUN/haproxy.cfg"
bg s haproxy -f "$RUN/haproxy.cfg"; ready s "$PID"; all sni-router; stop $PID
# the same, and whoever names nobody gets to a server
bg s openssl s_server -quiet -accept 127.0.0.1:8443 -cert "$CA/good.pem" -key "$CA/good.key"; ready s "$PID"; behind=$PID
sed -i 's/ use_backend www if .*/& or !{ req.ssl_sni -m found }/' "$RUN/haproxy.cfg"
bg s haproxy -f "$RUN/haproxy.cfg"; ready s "$PID"; all sni-named; stop $PID $behind
# the router has a default: a web server with another certificate
leaf www /CN=www.example.org subjectAltName=DNS:www.example.org
web "server { listen 198.51.100.10:443 ssl; ssl_certificate $CA/www-full.pem; ssl_certificate_key $CA/www.key; return 204; }"; all sni-default; stop $PID
web "server { listen 198.51.100.10:443 ssl http2; server_name turn.example.org; ssl_certificate $CA/good-full.pem; ssl_certificate_key $CA/good.key; return 204; }"; all h2; stop $PID
web "server { listen 198.51.100.10:443 ssl; ssl_reject_handshake on; }"; all reject; stop $PID
printf '%s\n' defaults ' mode tcp' ' timeout connect 1s' ' timeout client 30s' ' timeout server 30s' 'frontend tls' " bind 198.51.100.10:443 ssl crt $CA/good-all.pem strict-sni" " default_backend b" 'backend b' ' server t 127.0.0.1:9' >"$RUN/haproxy.cfg"
bg s haproxy -f "$RUN/haproxy.cfg"; ready s "$PID"; try strict-other turn --no-policy turns:198.51.100.10:443 $LAB; stop $PID
cat > $RUN/tls.py <<P
import ssl,socket,sys,threading,time
c=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain("$CA/good-full.pem","$CA/good.key")
if sys.argv[1]=="alpn": c.set_alpn_protocols(["h2"])
l=socket.create_server(("198.51.100.10",443))
def one(s):
    try:
        t=c.wrap_socket(s,server_side=True)
        if sys.argv[1]=="close": t.close(); return
        if sys.argv[1]=="rst":
            import struct; s2=t.detach(); x=socket.socket(fileno=s2); x.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack("ii",1,0)); x.close(); return
        if sys.argv[1]=="first": t.recv(1); t.close(); return
        if sys.argv[1]=="h2":
            t.sendall(bytes.fromhex("000012040000000000000300000080000400010000000500ffffff")); time.sleep(5)
            return
        if sys.argv[1]=="silent": time.sleep(20)
        if sys.argv[1]=="noise":
            while t.recv(100): t.sendall(b"\x01\x02\x03\x04hello")
    except OSError: pass
while True: threading.Thread(target=one,args=(l.accept()[0],),daemon=True).start()
P
for how in close rst first h2 silent noise; do python_in s "$RUN/tls.py" $how; try py-$how turn --no-policy $U $LAB; stop $PID; done

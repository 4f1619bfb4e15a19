#!/bin/bash
# A captive portal before the login: every name resolves to it, TCP is answered by its web server whatever the port, UDP is dropped.
. "$(dirname "$0")/../../lib.sh"; need nginx nginx-light; base_up
names="stunserver2025.stunprotocol.org stun.voipgate.com stun.cloudflare.com stun.l.google.com stun.nextcloud.com stun.hot-chilli.net stun.sip.us"
web "server { listen 198.51.100.12:8888; location / { return 302 http://portal.hotel.example/login; } }"
rules s <<<'table inet f { chain i { type filter hook input priority 0; meta l4proto udp drop; }; }
table ip n { chain p { type nat hook prerouting priority -100; meta l4proto tcp dnat to 198.51.100.12:8888; }; }'
for a in 198.51.100.11 10.1.1.1; do
  hosts "$a $names"
  try nat-$a nat --no-port-mapping
  try gather-$a gather
done
hosts "198.51.100.10 turn.example.org"
try turn turn --no-policy turn:turn.example.org $LAB

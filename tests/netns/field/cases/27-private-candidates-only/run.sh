#!/bin/bash
# The answer of a media server in a container, or behind a NAT: its private address is all that it tells, or loopback.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -S $PLAIN
given() { try "$1" pair --manual=sdp --role controlling -s stun:198.51.100.10 --no-nat --timeout 15 <<<"v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=ice-lite
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=setup:active
a=mid:0
a=candidate:1 1 udp 2130706431 $2 44444 typ host
a=end-of-candidates"; }
given container 172.17.0.2
given network 10.9.9.9
given loopback 127.0.0.1

#!/bin/bash
# A path with an MTU of 1,280 bytes that drops ICMP and fragments: 1,200 bytes of data come through a relay by a channel (RFC 8656 12), as browsers send
# them, and not in indications, which are longer. What passes through such a relay is no fault of the server.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; router b masquerade
rules na <<<'table inet mtu { chain f { type filter hook prerouting priority -400; meta l4proto udp meta length > 1280 counter drop; }; }'
try turn -n ha turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
pair relayed "--policy relay -s turn:198.51.100.10 $LAB" "-s stun:198.51.100.10"

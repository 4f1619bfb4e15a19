#!/bin/bash
# A path that loses every UDP datagram above 1000 bytes without a word (a tunnel with a small MTU; fragments and ICMP dropped): by UDP
# nothing large comes through the relay, by TCP it does. Then the server's side alone loses what peers send.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
lossy() { rules "$1" <<<"table inet mtu { chain f { type filter hook prerouting priority -400; ${2:-} meta l4proto udp meta length > 1000 counter drop; }; }"; }
lossy na
try turn -n ha turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
try tcp -n ha turn --no-policy 'turn:198.51.100.10?transport=tcp' $LAB
rules na <<<'delete table inet mtu'
lossy net 'udp dport != 3478'
try peers -n ha turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB

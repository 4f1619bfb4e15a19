#!/bin/bash
# A server at home, asked from the same network by its public address: the router leads it back in its own name.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; host m na 192.168.1.50/24 192.168.1.1
coturn_in m -L 192.168.1.50 -X 203.0.113.100/192.168.1.50 $USERS $PLAIN
rules na <<<'flush ruleset
table inet n { chain pre { type nat hook prerouting priority -100; ip daddr 203.0.113.100 udp dport { 3478, 49152-65535 } dnat ip to 192.168.1.50; }
 chain post { type nat hook postrouting priority 100; meta nfproto ipv4 oifname wan masquerade; oifname lan ip daddr 192.168.1.50 ip saddr 192.168.1.0/24 masquerade; }; }'
try gather -n ha gather -4 -s 'turn:203.0.113.100?transport=udp' -s stun:198.51.100.10 $LAB

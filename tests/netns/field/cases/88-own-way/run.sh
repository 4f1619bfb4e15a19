#!/bin/bash
# What this host's own side does: an MTU smaller than large datagrams, a route by another interface, TCP on the port where UDP is silent.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
U='turn:198.51.100.10?transport=udp'
ip -n "$ID-c" link set eth0 mtu 1200
try mtu turn --no-policy "$U" $LAB
ip -n "$ID-c" link set eth0 mtu 1500
ns_add b; wire c eth1 b x; addr c eth1 192.168.7.2/24; addr b x 192.168.7.1/24; ip -n "$ID-c" route add 203.0.113.0/24 via 192.168.7.1
try route turn --no-policy 'turn:203.0.113.9?transport=udp' $LAB
rules s <<<'table ip f { chain i { type filter hook input priority 0; udp dport 3478 drop; }; }'
try tcp-beside turn --no-policy turn:198.51.100.10 $LAB

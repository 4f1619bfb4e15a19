#!/bin/bash
# UDP that somebody rejects by ICMP: the router of this network, one beyond it, the firewall of the server's own host, and nobody but the
# host that has no such port. Over both families.
. "$(dirname "$0")/../../lib.sh"; down
ns_add c r h s
wire c eth0 r lan; wire r wan h lan; wire h wan s eth0
addr c eth0 192.168.1.2/24 2001:db8:1::2/64; addr r lan 192.168.1.1/24 2001:db8:1::1/64
addr r wan 203.0.113.2/24 2001:db8:2::2/64; addr h lan 203.0.113.1/24 2001:db8:2::1/64
addr h wan 198.51.100.1/24 2001:db8:5::1/64; addr s eth0 198.51.100.10/24 198.51.100.11/24 2001:db8:5::10/64
for n in r h; do ip netns exec "$ID-$n" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; done
# Hosts say no once a second, after the first few; here always, so that what is said does not depend on how fast it is asked.
for n in r h s; do ip netns exec "$ID-$n" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0; done
ip -n "$ID-c" route add default via 192.168.1.1; ip -n "$ID-c" -6 route add default via 2001:db8:1::1
ip -n "$ID-r" route add default via 203.0.113.1; ip -n "$ID-r" -6 route add default via 2001:db8:2::1
ip -n "$ID-h" route add 192.168.1.0/24 via 203.0.113.2; ip -n "$ID-h" -6 route add 2001:db8:1::/64 via 2001:db8:2::2
ip -n "$ID-s" route add default via 198.51.100.1; ip -n "$ID-s" -6 route add default via 2001:db8:5::1
coturn -L 198.51.100.10 -L 2001:db8:5::10 $USERS $PLAIN
all() { # NAME
  try "$1-turn" turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
  try "$1-turn6" turn --no-policy 'turn:[2001:db8:5::10]?transport=udp' $LAB
  try "$1-gather" gather -4 -s stun:198.51.100.10
  try "$1-relay" gather -4 -s 'turn:198.51.100.10?transport=udp' $LAB
  try "$1-nat" nat -4 -s 198.51.100.10; }
reject() { # NS HOOK RULE
  rules "$1" <<<"flush ruleset
table inet f { chain f { type filter hook $2 priority 0; $3; }; }"; }
reject r forward 'meta l4proto udp reject with icmpx type admin-prohibited'; all gateway
reject r forward 'meta l4proto udp reject with icmpx type port-unreachable'; all gateway-port
rules r <<<'flush ruleset'
reject h forward 'meta l4proto udp reject with icmpx type admin-prohibited'; all hop
rules h <<<'flush ruleset'
reject s input 'udp dport 3478 reject with icmpx type admin-prohibited'; all host
rules s <<<'flush ruleset'
ip -n "$ID-h" route add blackhole 198.51.100.10/32; ip -n "$ID-h" route del blackhole 198.51.100.10/32
ip -n "$ID-h" route add unreachable 198.51.100.10/32; try unreachable-turn turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
ip -n "$ID-h" route del unreachable 198.51.100.10/32
try closed-turn turn --no-policy 'turn:198.51.100.10:5000?transport=udp' $LAB
try closed-gather gather -4 -s stun:198.51.100.10:5000
try closed-nat nat -4 -s 198.51.100.10:5000

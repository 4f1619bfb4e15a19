#!/bin/bash
# IPv6 works here, and a name has an IPv6 address that leads nowhere: one that a resolver with DNS64 makes, and a private one.
. "$(dirname "$0")/../../lib.sh"; base_up; ip -n "$ID-c" -6 route add default via 2001:db8:5::10
coturn -L 198.51.100.10 $USERS $PLAIN
ip -n "$ID-s" -6 route add unreachable 64:ff9b::/96; ip netns exec "$ID-s" sysctl -qw net.ipv6.conf.all.forwarding=1
hosts "198.51.100.10 turn.example.org" "64:ff9b::c633:640a turn.example.org"
try dns64 gather -s turn:turn.example.org $LAB
rules s <<<'table inet f { chain i { type filter hook prerouting priority 0; ip6 daddr 64:ff9b::/96 drop; }; }'
try silent turn --no-policy 'turn:turn.example.org?transport=udp' $LAB
rules s <<<'flush ruleset'
hosts "198.51.100.10 turn.example.org" "fd12:3456::10 turn.example.org"
try private gather -s turn:turn.example.org $LAB

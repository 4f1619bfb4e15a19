#!/bin/bash
# The first server named is behind a VPN: dead, or alive while the way to the internet is another.
. "$(dirname "$0")/../../lib.sh"; base_up
ns_add v; wire c wg0 v eth0; addr c wg0 10.8.0.2/24; addr v eth0 10.8.0.1/24
coturn -L 198.51.100.10 -L 198.51.100.11 $PLAIN
all="-s stun:10.8.0.1 -s stun:198.51.100.10 -s stun:198.51.100.11"
rules v <<<'table inet f { chain i { type filter hook input priority 0; meta l4proto udp drop; }; }'
try dead nat --no-port-mapping $all
note "the name leads into the VPN"
hosts "10.8.0.1 stun.example.org" "198.51.100.11 stun2.example.org"
try dead-by-name nat --no-port-mapping -s stun:stun.example.org -s stun:198.51.100.10 -s stun:stun2.example.org
rules v <<<'flush ruleset'
coturn_in v -L 10.8.0.1 $PLAIN
try alive nat --no-port-mapping $all
note "UDP is blocked on the way to the internet alone"
rules s <<<'table inet f { chain i { type filter hook input priority 0; meta l4proto udp drop; }; }'
try blocked nat --no-port-mapping $all

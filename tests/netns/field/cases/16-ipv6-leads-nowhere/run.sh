#!/bin/bash
# IPv6 of this host leads nowhere, and the TURN server gives relays of both families: the one of IPv4 carries calls. Then UDP over IPv6 alone is
# dropped: that UDP passes over IPv4 says nothing of it.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -L 2001:db8:5::10 $USERS $PLAIN
hosts "198.51.100.10 turn.example.org" "2001:db8:5::10 turn.example.org"
rules s <<<'table inet f { chain i { type filter hook input priority 0; iif lo accept; meta nfproto ipv6 meta l4proto { tcp, udp } drop; }; }'
try gather gather -s turn:turn.example.org $LAB --expect candidates=relay
rules s <<<'flush ruleset; table inet f { chain i { type filter hook input priority 0; iif lo accept; meta nfproto ipv6 meta l4proto udp drop; }; }'
try udp turn --no-policy turn:turn.example.org $LAB

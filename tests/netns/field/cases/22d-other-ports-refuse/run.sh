#!/bin/bash
# gather and turn with a server that is silent on its UDP port, and whose host refuses others: UDP gets there. The
# port is dropped; once with TURN over TCP beside it. Linux sends few refusals a second, so the last runs get one or two.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
rules s <<<'table inet f { chain i { type filter hook input priority 0; udp dport 3478 drop; }; }'
try stun gather -4 -s stun:198.51.100.10
try turn gather -4 -s 'turn:198.51.100.10?transport=udp' $LAB
try turn-turn turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
try both gather -4 -s 'turn:198.51.100.10?transport=udp' -s 'turn:198.51.100.10?transport=tcp' $LAB
try nat nat -4 -s 198.51.100.10

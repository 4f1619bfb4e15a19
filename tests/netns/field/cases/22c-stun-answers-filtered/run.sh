#!/bin/bash
# Something drops what carries the magic cookie of STUN and comes from outside, and TURN over TCP works.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
rules s <<<'table inet f { chain o { type filter hook output priority 0; udp length > 27 @th,96,32 0x2112a442 drop; }; }'
try turn turn --no-policy turn:198.51.100.10 $LAB
try gather gather -4 -s 'turn:198.51.100.10?transport=udp' $LAB
try nat nat --no-port-mapping -s stun:198.51.100.10

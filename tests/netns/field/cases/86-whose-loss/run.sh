#!/bin/bash
# Servers that lose for themselves, by a limit of the rate and at random, and a line that loses for all.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -L 198.51.100.11 $USERS $PLAIN; coturn -L 198.51.100.12 $USERS $PLAIN
U='turn:198.51.100.10?transport=udp'
lost() { rules s <<<"flush ruleset
table ip f { chain i { type filter hook input priority 0; ip daddr { $1 } udp dport 3478-3479 numgen random mod 10 < 3 drop; }; }"; }
lost 198.51.100.10,198.51.100.11; try alone nat -4 --no-port-mapping -s 198.51.100.10
try turn-alone turn --no-policy "$U" $LAB
lost 198.51.100.10-198.51.100.12; try line nat -4 --no-port-mapping -s 198.51.100.10 -s 198.51.100.12
rules s <<<'flush ruleset
table ip f { set m { type ipv4_addr; size 100; flags dynamic; }
 chain i { type filter hook input priority 0; ip daddr { 198.51.100.10, 198.51.100.11 } udp dport 3478-3479 update @m { ip saddr limit rate over 20/second burst 20 packets } drop; }; }'
try turn-limited turn --no-policy "$U" $LAB

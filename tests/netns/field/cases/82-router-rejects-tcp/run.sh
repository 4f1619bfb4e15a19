#!/bin/bash
# A router that says "network unreachable" to each TCP connection, and lets UDP through.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
rules na <<<'table inet fw { chain f { type filter hook forward priority 0; meta l4proto tcp ct state new reject with icmp net-unreachable; }; }'
try turn -n ha turn --no-policy turn:198.51.100.10 $LAB
try tcp -n ha turn --no-policy 'turn:198.51.100.10?transport=tcp' $LAB
try gather -n ha gather -4 -s 'turn:198.51.100.10?transport=tcp' $LAB

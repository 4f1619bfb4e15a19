#!/bin/bash
# A company's firewall lets out UDP 3478 and no other UDP; the server is healthy. Then the same over TCP alone.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
rules na <<<'table inet fw { chain f { type filter hook forward priority 0; iifname "lan" udp dport != 3478 drop; }; }'
U='turn:198.51.100.10?transport=udp'
try turn -n ha turn --no-policy "$U" $LAB
try gather -n ha gather -4 -s "$U" $LAB --expect candidates=relay
try tcp -n ha gather -4 -s 'turn:198.51.100.10?transport=tcp' $LAB

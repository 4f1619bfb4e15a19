#!/bin/bash
# Networks that let UDP out to port 443 alone, and to high ports alone; the servers asked have 3478, and TCP gets through. A server that is reached on a
# high port beside one that is not on 3478.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
fw() { rules na <<<"table inet fw { chain f { type filter hook forward priority 0; iifname \"lan\" meta l4proto udp udp dport $1 drop; }; }"; }
fw '!= 443'; try quic -n ha nat --no-port-mapping -s 198.51.100.10 -s 198.51.100.11
ip netns exec "$ID-na" nft delete table inet fw
fw '< 10000'; try high -n ha nat --no-port-mapping -s 198.51.100.10 -s 198.51.100.11
coturn_in net -L 198.51.100.20 -p 19302 -S $PLAIN
try beside -n ha gather -4 -s 198.51.100.10 -s 198.51.100.20:19302

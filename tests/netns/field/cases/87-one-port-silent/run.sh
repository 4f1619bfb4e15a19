#!/bin/bash
# UDP to port 3478 is dropped on the way, and a server of another operator answers on another port.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
coturn_in net -L 198.51.100.20 -p 19302 -S $PLAIN
rules na <<<'table inet fw { chain f { type filter hook forward priority 0; iifname "lan" meta l4proto udp udp dport 3478 drop; }; }'
try one -n ha nat -4 --no-port-mapping -s 198.51.100.10 -s 198.51.100.20:19302
try two -n ha nat -4 --no-port-mapping -s 198.51.100.10 -s 198.51.100.11 -s 198.51.100.20:19302

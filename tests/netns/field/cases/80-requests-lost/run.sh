#!/bin/bash
# Requests that are lost for another reason than a line that loses: a NAT with four ports for this line.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
coturn_in net -L 198.51.100.20 -S $PLAIN
rules na <<<'flush table inet n
table inet n { chain post { type nat hook postrouting priority 100; oifname wan meta l4proto udp masquerade to :40000-40003; oifname wan masquerade; }; }'
try ports -n ha nat -4 --no-port-mapping -s 198.51.100.10 -s 198.51.100.20:3478

#!/bin/bash
# The TURN server stands in the same private network as this host and gives the router's public address, which the router does not lead back in.
. "$(dirname "$0")/../../pairlib.sh"; internet_up
router a masquerade
host m na 192.168.1.50/24 192.168.1.1
coturn_in m -L 192.168.1.50 -X 203.0.113.100/192.168.1.50 $USERS $PLAIN
rules na <<<'table ip forwards { chain p { type nat hook prerouting priority -100; iifname wan udp dport { 3478, 49152-65535 } dnat to 192.168.1.50; }; }'
try turn -n ha turn --no-policy 'turn:192.168.1.50?transport=udp' $LAB
try gather -n ha gather -s turn:192.168.1.50 $LAB
note "by its public address, which the router leads back in, in its own name"
rules na <<<'flush table ip forwards; delete table ip forwards; flush chain inet n in
table ip forwards { chain p { type nat hook prerouting priority -100; ip daddr 203.0.113.100 udp dport { 3478, 49152-65535 } dnat to 192.168.1.50; }
chain o { type nat hook postrouting priority 90; oifname lan ip daddr 192.168.1.50 snat to 203.0.113.100; }; }'
try hairpin-nat -n ha nat --no-port-mapping -s 203.0.113.100
try hairpin-gather -n ha gather -s 203.0.113.100

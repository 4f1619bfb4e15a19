#!/bin/bash
# Requests that are lost for another reason than a line that loses: a NAT with four ports, a filter that drops the first packet of each flow, a router that
# limits the rate, and a line that fails after a moment.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
ask() { try "$1" -n ha nat -4 --no-port-mapping -s 198.51.100.10 -s 198.51.100.20:3478; ip netns exec "$ID-na" nft delete table inet x 2>/dev/null; ip netns exec "$ID-na" conntrack -F 2>/dev/null; }
coturn_in net -L 198.51.100.20 -S $PLAIN
rules na <<<'table inet x { set seen { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }
 chain f { type filter hook prerouting priority -300; iifname lan meta l4proto udp ip saddr . udp sport . ip daddr . udp dport != @seen add @seen { ip saddr . udp sport . ip daddr . udp dport } drop; }; }'
ask first
rules na <<<'table inet x { chain f { type filter hook forward priority 0; meta l4proto udp limit rate over 15/second burst 5 packets drop; }; }'
ask limited
rules na <<<'flush table inet n
table inet n { chain post { type nat hook postrouting priority 100; oifname wan meta l4proto udp masquerade to :40000-40003; oifname wan masquerade; }; }'
sleep 1; ask ports

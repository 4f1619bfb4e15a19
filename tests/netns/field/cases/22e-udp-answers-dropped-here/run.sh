#!/bin/bash
# The host's own firewall drops all UDP that comes in, and ICMP passes: other ports of the servers refuse. Two servers
# on two ports, both of which answer over TCP.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
coturn -L 198.51.100.11 -p 3488 $USERS $PLAIN
rules c <<<'table inet f { chain i { type filter hook input priority 0; iif != lo meta l4proto udp drop; }; }'
try nat nat -4 --no-port-mapping -s 198.51.100.10 -s stun:198.51.100.11:3488
try one nat -4 --no-port-mapping -s 198.51.100.10
try gather gather -4 -s 'turn:198.51.100.10?transport=udp' $LAB
try both gather -4 -s 'turn:198.51.100.10?transport=udp' -s stun:198.51.100.11:3488 -s 'turn:198.51.100.10?transport=tcp' $LAB

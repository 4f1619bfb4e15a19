#!/bin/bash
# STUN servers that answer two requests a second from each client; a third one answers all.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -L 198.51.100.11 -S $PLAIN; coturn -L 198.51.100.12 -S $PLAIN
rules s <<<'table ip f { set m { type ipv4_addr; size 100; flags dynamic; }
 chain i { type filter hook input priority 0; ip daddr { 198.51.100.10, 198.51.100.11 } udp dport 3478-3479 update @m { ip saddr limit rate over 2/second burst 2 packets } drop; }; }'
try beside nat --no-port-mapping -s 198.51.100.10 -s 198.51.100.12

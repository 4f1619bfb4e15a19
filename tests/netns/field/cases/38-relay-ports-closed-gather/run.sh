#!/bin/bash
# A stateful firewall before coturn opens 3478 and none of the relay ports: a peer reaches a relay only after the relay has
# sent to it. `turn` of the same is 38-relay-ports-closed. Then relay ports that are closed both ways, and open ones.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
only="meta l4proto { tcp, udp } th dport 3478 accept;"
allow_only s "$only"
try gather gather -s turn:198.51.100.10 -s 'turn:198.51.100.10?transport=tcp' $LAB
allow_only s "$only"
rules s <<<'table inet o { chain o { type filter hook output priority 0; oif lo accept; udp sport != 3478 drop; }; }'
try closed gather -s turn:198.51.100.10 $LAB
try closed-expect gather -s turn:198.51.100.10 -s 'turn:198.51.100.10?transport=tcp' $LAB --expect candidates=relay
rules s <<<'flush ruleset'
try open gather -s turn:198.51.100.10 $LAB --expect candidates=relay

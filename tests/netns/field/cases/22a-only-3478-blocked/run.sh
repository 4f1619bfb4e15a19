#!/bin/bash
# A network that drops UDP 3478 and nothing else; the same servers also listen on UDP 443.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -L 198.51.100.11 $USERS $PLAIN
coturn -L 198.51.100.10 -L 198.51.100.11 -p 443 $USERS $PLAIN
rules s <<<'table inet f { chain i { type filter hook input priority 0; udp dport 3478 drop; }; }'
try nat nat --no-port-mapping -s stun:198.51.100.10 -s stun:198.51.100.11
try nat-one-on-443 nat --no-port-mapping -s stun:198.51.100.10 -s stun:198.51.100.11:443
try gather gather -s turn:198.51.100.10 -s 'turn:198.51.100.10?transport=tcp' $LAB
try gather-443 gather -s turn:198.51.100.10 -s turn:198.51.100.10:443 $LAB
note "nothing listens on 443, and only 3478 is dropped"
rules s <<<'flush ruleset; table inet f { chain i { type filter hook input priority 0; udp dport 5000 drop; }; }'
coturn -L 198.51.100.12 -p 5000 $USERS $PLAIN
try port-alone nat --no-port-mapping -s stun:198.51.100.12:5000
note "what carries the magic cookie is dropped, on every port"
rules s <<<'flush ruleset; table inet f { chain i { type filter hook input priority 0; udp length > 27 @th,96,32 0x2112a442 drop; }; }'
try cookie nat --no-port-mapping -s stun:198.51.100.10 -s stun:198.51.100.11
note "all UDP is dropped; rejected; forbidden by this machine"
rules s <<<'flush ruleset; table inet f { chain i { type filter hook input priority 0; meta l4proto udp drop; }; }'
try all-dropped nat --no-port-mapping -s stun:198.51.100.10 -s stun:198.51.100.11
rules s <<<'flush ruleset'
rules c <<<'table inet f { chain o { type filter hook output priority 0; oif lo accept; meta l4proto udp drop; }; }'
try own-firewall nat --no-port-mapping -s stun:198.51.100.10 -s stun:198.51.100.11
rules c <<<'flush ruleset; table inet f { chain o { type filter hook output priority 0; udp dport 3478 drop; }; }'
try own-firewall-3478 nat --no-port-mapping -s stun:198.51.100.10 -s stun:198.51.100.11

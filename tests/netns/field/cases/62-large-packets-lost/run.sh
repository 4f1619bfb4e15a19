#!/bin/bash
# Large packets from the server are dropped without a word (a path MTU black hole).
. "$(dirname "$0")/../../lib.sh"
down; ns_add c r s; wire c eth0 r lan; wire r wan s eth0
addr c eth0 203.0.113.5/24; addr r lan 203.0.113.1/24; addr r wan 198.51.100.1/24; addr s eth0 198.51.100.10/24
ip netns exec "$ID-r" sysctl -qw net.ipv4.ip_forward=1; ip -n "$ID-c" route add default via 203.0.113.1; ip -n "$ID-s" route add default via 198.51.100.1
for n in c s; do ip netns exec "$ID-$n" python3 "$FIELD/slow.py" --plain eth0; done
ca_up
coturn -L 198.51.100.10 $USERS $(good_tls)
rules r <<<'table ip f { chain f { type filter hook forward priority 0; meta length > 900 drop; }; }'
try tls turn --no-policy turns:turn.example.org $LAB
try gather gather -4 -s 'turns:turn.example.org' $LAB
try tcp turn --no-policy 'turn:turn.example.org?transport=tcp' $LAB
try stuns gather -4 -s stuns:turn.example.org

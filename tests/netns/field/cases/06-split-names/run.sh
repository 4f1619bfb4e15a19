#!/bin/bash
# The name of a public TURN server leads to its private address, as split DNS of another network answers; nobody is there.
. "$(dirname "$0")/../../lib.sh"; base_up
hosts "10.11.12.13 turn.example.com"
rules s <<<'table inet f { chain i { type filter hook prerouting priority 0; ip daddr 10.0.0.0/8 drop; }; }'
try turn turn --no-policy 'turn:turn.example.com?transport=udp' $LAB
try gather gather -4 -s 'turn:turn.example.com?transport=udp' $LAB

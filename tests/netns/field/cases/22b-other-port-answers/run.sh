#!/bin/bash
# gather and turn alone with a server whose port 3478 is dropped, and which answers on UDP 443; with one whose requests with the magic cookie are.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
coturn -L 198.51.100.10 -p 443 $USERS $PLAIN
rules s <<<'table inet f { chain i { type filter hook input priority 0; udp dport 3478 drop; }; }'
both() { try "$1-gather-stun" gather -4 -s stun:198.51.100.10; try "$1-gather" gather -4 -s 'turn:198.51.100.10?transport=udp' $LAB
  try "$1-turn" turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB; }
both port
rules s <<<'flush ruleset; table inet f { chain i { type filter hook input priority 0; udp length > 27 @th,96,32 0x2112a442 drop; }; }'
both cookie

#!/bin/bash
# The server answers STUN and no TURN: coturn with stun-only; a filter on the way that drops Allocate requests.
. "$(dirname "$0")/../../lib.sh"; base_up
both() { try "turn-$1" turn --no-policy "turn:$2" $LAB; try "gather-$1" gather -4 -s "turn:$2" $LAB; }
coturn -L 198.51.100.10 -S $PLAIN; stun=$PID
both off 198.51.100.10; both off-tcp '198.51.100.10?transport=tcp'
stop $stun
coturn -L 198.51.100.10 $USERS $PLAIN
rules s <<<'table inet f { chain i { type filter hook input priority 0; udp length > 27 @th,64,16 0x0003 drop; }; }'
both dropped '198.51.100.10?transport=udp'

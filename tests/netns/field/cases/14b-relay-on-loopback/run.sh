#!/bin/bash
# A public TURN server whose relayed addresses are on loopback (relay-ip from its own name in /etc/hosts), or are 0.0.0.0.
. "$(dirname "$0")/../../lib.sh"; base_up
both() { try "turn-$1" turn --no-policy turn:198.51.100.10 $LAB; try "gather-$1" gather -4 -s turn:198.51.100.10 $LAB; }
coturn -L 198.51.100.10 -E 127.0.0.1 $USERS $PLAIN; server=$PID; both loopback; stop $server
coturn -L 198.51.100.10 -X 0.0.0.0 $USERS $PLAIN; both zero

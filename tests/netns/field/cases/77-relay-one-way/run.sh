#!/bin/bash
# TURN servers that relay in part: nothing goes out, Send indications are dropped, data in another's name, from another address than the relayed one, no
# ChannelData, no channels at all.
. "$(dirname "$0")/../../lib.sh"; base_up
U='turn:198.51.100.10?transport=udp'
one() { local n=$1; shift; python_in s "$FIELD/miniturn.py" 198.51.100.10 "$@"; try "turn-$n" turn --no-policy "$U" $LAB; [ "$n" != away ] || try "gather-$n" gather -4 -s "$U" $LAB; stop $PID; }
one out drops=out; one send drops=send; one named data-of=10.9.9.9; one away relays-from=198.51.100.12; one indications no-channel-data; one no-channels channel=400

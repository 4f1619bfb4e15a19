#!/bin/bash
# TURN servers that relay and change the data: a byte within, the last one, fewer bytes, more bytes.
. "$(dirname "$0")/../../lib.sh"; base_up
U='turn:198.51.100.10?transport=udp'
one() { local n=$1; shift; python_in s "$FIELD/miniturn.py" 198.51.100.10 "$@"; try "turn-$n" turn --no-policy "$U" $LAB; try "gather-$n" gather -4 -s "$U" $LAB; stop $PID; }
one within flip=25; one last flip=160; one cut cut=100; one longer pad=4

#!/bin/bash
# Servers that send clients to each other, to themselves, to nobody, and to one with another realm.
. "$(dirname "$0")/../../lib.sh"; base_up
M="$FIELD/miniturn.py"
python_in s $M 198.51.100.10 alternate=198.51.100.11:3478; a=$PID; python_in s $M 198.51.100.11 alternate=198.51.100.10:3478; b=$PID
U='turn:198.51.100.10?transport=udp'
try loop-turn turn --no-policy $U $LAB; try loop-gather gather -4 -s $U $LAB; stop $a $b
python_in s $M 198.51.100.10 alternate=198.51.100.10:3478; a=$PID
try self-turn turn --no-policy $U $LAB; try self-gather gather -4 -s $U $LAB; stop $a
python_in s $M 198.51.100.10 alternate=198.51.100.12:3478; a=$PID
try dead-turn turn --no-policy $U $LAB; try dead-gather gather -4 -s $U $LAB; stop $a
python_in s $M 198.51.100.10 alternate=198.51.100.11:3478; a=$PID; python_in s $M 198.51.100.11 wrong-credentials=401 realm=other; b=$PID
try other-realm-turn turn --no-policy $U $LAB; stop $a $b

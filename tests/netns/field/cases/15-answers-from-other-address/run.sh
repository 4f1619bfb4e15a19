#!/bin/bash
# A server on a host with two addresses answers from the other one: STUN and TURN.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$CASE/server.py"
try gather-stun gather -s stun:198.51.100.10
try gather-turn gather -s turn:198.51.100.10 $LAB
try turn turn 'turn:198.51.100.10?transport=udp' $LAB
try turn-open turn --no-policy turn:198.51.100.10 $LAB
try nat nat --no-port-mapping -s stun:198.51.100.10

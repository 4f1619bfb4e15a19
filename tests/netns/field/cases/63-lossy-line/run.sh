#!/bin/bash
# A line that loses every tenth packet each way, and one of 0.3 s that loses some.
. "$(dirname "$0")/../../lib.sh"; slow_up 0.02 0.1
coturn -L 198.51.100.10 $USERS $PLAIN
try turn turn --no-policy 'turn:turn.example.org?transport=udp' $LAB
try gather gather -4 -s 'turn:turn.example.org?transport=udp' $LAB
slow_up 0.15 0.02
coturn -L 198.51.100.10 $USERS $PLAIN
try long-turn turn --no-policy 'turn:turn.example.org?transport=udp' $LAB
try long-gather gather -4 -s 'turn:turn.example.org?transport=udp' $LAB

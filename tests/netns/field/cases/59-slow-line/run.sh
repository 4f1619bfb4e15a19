#!/bin/bash
# A line by satellite or of the second generation: 0.7 s each way; TURN by UDP, TCP and TLS.
. "$(dirname "$0")/../../lib.sh"; slow_up 0.7; ca_up
coturn -L 198.51.100.10 $USERS $(good_tls)
try turn-udp turn --no-policy 'turn:turn.example.org?transport=udp' $LAB
try turn-tcp turn --no-policy 'turn:turn.example.org?transport=tcp' $LAB
try turn-tls turn --no-policy 'turns:turn.example.org' $LAB
try gather gather -4 -s 'turn:turn.example.org?transport=udp' -s 'turns:turn.example.org?transport=tcp' $LAB
try gather-stun gather -4 -s stun:turn.example.org
try nat nat -4 -s 198.51.100.10

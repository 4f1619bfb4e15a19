#!/bin/bash
# A gateway's TURN server that lets clients reach its media backends and nobody else, here 10.43.0.0/16. Then with a peer named: one that
# answers STUN, one that says nothing, one that is not allowed.
. "$(dirname "$0")/../../lib.sh"; base_up; addr s lo 10.43.0.7/32 10.43.0.8/32
coturn -L 198.51.100.10 $USERS $PLAIN --denied-peer-ip 0.0.0.0-255.255.255.255 --allowed-peer-ip 10.43.0.0-10.43.255.255
coturn -L 10.43.0.7 --stun-only $PLAIN
try turn turn 'turn:198.51.100.10?transport=udp' $LAB
try gather gather -s turn:198.51.100.10 $LAB
try peer turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB --peer 10.43.0.7:3478
try silent turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB --peer 10.43.0.8:3478
RTCDIAG_PEER=10.44.0.1:3478 try forbidden turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB

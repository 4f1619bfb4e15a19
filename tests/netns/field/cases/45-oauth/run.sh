#!/bin/bash
# coturn with --oauth: its challenge carries THIRD-PARTY-AUTHORIZATION (RFC 7635). A user it does not know, no credentials at all, and a user it knows.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN --oauth --server-name turn.example.org
try turn turn --no-policy 'turn:198.51.100.10?transport=udp' --turn-username ann
try gather gather -s turn:198.51.100.10 --turn-username ann
try right turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
unset RTCDIAG_TURN_PASSWORD
try none turn --no-policy 'turn:198.51.100.10?transport=udp'

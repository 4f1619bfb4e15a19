#!/bin/bash
# A name with two IPv4 addresses: at one of them nothing listens any more, and it is asked first.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
hosts "198.51.100.11 turn.example.org" "198.51.100.10 turn.example.org"
try turn turn --no-policy turn:turn.example.org $LAB
try udp turn --no-policy 'turn:turn.example.org?transport=udp' $LAB
hosts "198.51.100.99 turn.example.org" "198.51.100.98 turn.example.org"
try both turn --no-policy 'turn:turn.example.org?transport=udp' $LAB

#!/bin/bash
# This machine's own routing forbids it, as a VPN's kill switch does.
. "$(dirname "$0")/../../lib.sh"; base_up; coturn -L 198.51.100.10 $USERS $PLAIN
ip -n "$ID-c" rule add to 198.51.100.0/24 prohibit pref 10
try udp turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
try tcp turn --no-policy 'turn:198.51.100.10?transport=tcp' $LAB
try gather gather -4 -s stun:198.51.100.10
try nat nat --no-port-mapping -4 -s 198.51.100.10

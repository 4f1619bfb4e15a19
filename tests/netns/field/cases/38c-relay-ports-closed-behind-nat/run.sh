#!/bin/bash
# As 38, and rtcdiag asks from behind a NAT: first one with endpoint-independent mapping, then one that gives each destination another port,
# to which the relay cannot send first.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; router b random
allow_only net "meta l4proto { tcp, udp } th dport 3478 accept;"
try turn -n ha turn --no-policy turn:198.51.100.10 $LAB
try gather -n ha gather -s turn:198.51.100.10 $LAB
try strict -n hb turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB

#!/bin/bash
# A router that takes all UDP to port 3478 for itself, and answers STUN from inside; TURN gets no answer there.
. "$(dirname "$0")/../../pairlib.sh"; internet_up
router a masquerade
python_in na "$CASE/server.py" 192.168.1.1 3478
rules na <<<'table ip taken { chain p { type nat hook prerouting priority -100; iifname lan udp dport 3478 dnat to 192.168.1.1; }; }'
try gather -n ha gather -s 198.51.100.10
try nat -n ha nat --no-port-mapping -s 198.51.100.10 -s 198.51.100.11

#!/bin/bash
# A STUN server in this host's own private network, behind the NAT: alone, and beside one on the internet.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; host m na 192.168.1.50/24 192.168.1.1
coturn_in m -L 192.168.1.50 $USERS $PLAIN
try alone -n ha nat --no-port-mapping -s stun:192.168.1.50
try both -n ha nat --no-port-mapping -s stun:198.51.100.10 -s stun:192.168.1.50
try gather -n ha gather -4 -s stun:192.168.1.50

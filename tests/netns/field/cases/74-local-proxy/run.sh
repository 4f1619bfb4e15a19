#!/bin/bash
# A local proxy (Clash, Surge, sing-box): names resolve to 198.18.0.0/15, which leads to it.
. "$(dirname "$0")/../../lib.sh"; base_up; ns_add v; wire c utun4 v eth0; addr c utun4 198.18.0.1/16; addr v eth0 198.18.0.7/16
hosts "198.18.0.7 turn.example.org"
try turn turn --no-policy 'turn:turn.example.org?transport=udp' $LAB
try nat nat --no-port-mapping -s stun:turn.example.org

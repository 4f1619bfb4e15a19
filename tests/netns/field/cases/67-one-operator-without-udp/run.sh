#!/bin/bash
# A server's own firewall opens TCP 3478 and no UDP; this network's UDP is fine. Asked alone, by a name with two addresses, and
# beside a server that answers.
. "$(dirname "$0")/../../lib.sh"; base_up; coturn -L 198.51.100.10 -L 198.51.100.11 -L 198.51.100.12 $USERS $PLAIN
hosts "198.51.100.10 stun.example.org" "198.51.100.11 stun.example.org"
allow_only s "ip daddr 198.51.100.12 accept; tcp dport 3478 accept"
try alone nat --no-port-mapping -s stun:198.51.100.10 --expect udp=open
try by-name nat --no-port-mapping -s stun:stun.example.org

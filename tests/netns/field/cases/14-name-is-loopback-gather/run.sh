#!/bin/bash
# Run on the TURN host itself, whose own name is 127.0.1.1 in /etc/hosts, as Debian writes it; from outside every port is
# firewalled. `turn` of the same is 14-name-is-loopback. Then servers whose relayed address nobody reaches, and labs.
. "$(dirname "$0")/../../lib.sh"; base_up
hosts "127.0.1.1 turn.example.org turn"; addr c lo 127.0.1.1/8
coturn_in c $USERS $PLAIN; local=$PID
allow_only c
try gather gather -s turn:turn.example.org $LAB
try expect gather -4 -s turn:turn.example.org $LAB --expect candidates=relay
try literal gather -4 -s turn:127.0.0.1 $LAB
try localhost gather -4 -s turn:localhost $LAB
stop "$local"
# The relay is said to be at an address inside, as without external-ip.
addr s lo 10.0.0.7/32
coturn -L 198.51.100.10 -E 10.0.0.7 $USERS $PLAIN; inside=$PID
try private gather -s turn:198.51.100.10 $LAB
try private-expect gather -s turn:198.51.100.10 $LAB --expect candidates=relay
stop "$inside"
# Server and host are in one private network.
addr s eth0 192.168.7.10/24; addr c eth0 192.168.7.5/24
coturn -L 192.168.7.10 $USERS $PLAIN
try lab gather -4 -s turn:192.168.7.10 $LAB --expect candidates=relay

#!/bin/bash
# The default route leads nowhere, and another interface works.
. "$(dirname "$0")/../../lib.sh"
down; ns_add c a s; wire c eth0 a x; wire c eth1 s eth0
addr c eth0 192.168.1.2/24; addr a x 192.168.1.1/24; addr c eth1 198.51.100.5/24; addr s eth0 198.51.100.10/24 198.51.100.11/24
ip -n "$ID-c" route add default via 192.168.1.1
hosts "198.51.100.10 turn.example.org" "203.0.113.9 stun.far.example"
coturn -L 198.51.100.10 -L 198.51.100.11 $USERS $PLAIN
try nat nat -4 -s turn.example.org -s stun.far.example
try gather gather -4 -s turn:turn.example.org -s stun:stun.far.example $LAB
try turn turn --no-policy turn:turn.example.org $LAB
ip -n "$ID-a" link set x down
try nat-down nat -4 -s turn.example.org -s stun.far.example
try gather-down gather -4 -s turn:turn.example.org -s stun:stun.far.example $LAB

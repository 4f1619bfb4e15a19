#!/bin/bash
# STUN behind something that rewrites the source, in other forms than case 17a; each alone, and beside an honest server with RFC 5780.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$CASE/server.py"
coturn -L 198.51.100.11 -L 198.51.100.12 $USERS $PLAIN
for p in 3480 3482 3484 3486 3488; do
  try nat-$p nat --no-port-mapping --no-tcp -4 -s stun:198.51.100.10:$p
  try beside-$p nat --no-port-mapping --no-tcp -4 -s stun:198.51.100.10:$p -s stun:198.51.100.11
  try gather-$p gather -4 -s stun:198.51.100.10:$p
done
for p in 3490 3492; do
  try nat6-$p nat --no-port-mapping --no-tcp -6 -s "stun:[2001:db8:5::10]:$p"
done

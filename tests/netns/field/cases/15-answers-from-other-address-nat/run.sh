#!/bin/bash
# A STUN server on a host with two addresses answers from the other one; alone, and beside one that does not.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$CASE/server.py"
coturn -L 198.51.100.12 $USERS $PLAIN
try nat nat --no-port-mapping -s stun:198.51.100.10
try nat-beside nat --no-port-mapping -s stun:198.51.100.10 -s stun:198.51.100.12

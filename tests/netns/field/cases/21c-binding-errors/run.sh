#!/bin/bash
# Servers that answer a Binding request with an error: it sends to another server, does not know an attribute, or failed inside.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$CASE/server.py"
for p in 3300 3420 3500; do try gather-$p gather -4 -s stun:198.51.100.10:$p; done

#!/bin/bash
# A load balancer with nothing behind it closes each connection at once: no application waits for that.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$CASE/server.py"
try gather gather -4 -s 'turn:198.51.100.10?transport=tcp' $LAB

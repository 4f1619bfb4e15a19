#!/bin/bash
# The server gives an allocation, and then refuses the permission or is silent: a load balancer sends the next request to another server, or it is at fault.
. "$(dirname "$0")/../../lib.sh"; base_up
for said in 401 437 508 silence; do
  python_in s "$FIELD/miniturn.py" 198.51.100.10 permission=$said
  try turn-$said turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
  try gather-$said gather -4 -s 'turn:198.51.100.10?transport=udp' $LAB
  stop $PID
done

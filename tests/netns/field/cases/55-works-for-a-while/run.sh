#!/bin/bash
# A server that gives relays which work, and then refuses what comes later: the refresh, or a channel; one whose answer lacks the client's address.
. "$(dirname "$0")/../../lib.sh"; base_up
for habit in refresh=400 refresh=437 refresh=silence channel=400 channel=silence no-mapped-address; do
  python_in s "$FIELD/miniturn.py" 198.51.100.10 $habit
  try ${habit/=/-} turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
  stop $PID
done

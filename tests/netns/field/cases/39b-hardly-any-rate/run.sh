#!/bin/bash
# max-bps that somebody took for bits, or for kilobytes: hardly anything comes through, small datagrams first.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN --max-bps=2000
try turn turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB

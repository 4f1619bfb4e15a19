#!/bin/bash
# A server that limits the rate of each allocation (coturn: max-bps, in bytes a second): a burst of 200 kB fits into its second, a video call does not.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN --max-bps=300000; limited=$PID
try turn turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
stop $limited
coturn -L 198.51.100.10 $USERS $PLAIN
try free turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB

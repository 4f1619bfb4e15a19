#!/bin/bash
# Wrong credentials in other words than 401: 431 and 436 (RFC 3489), 441, 438 again and again, and silence.
. "$(dirname "$0")/../../lib.sh"; base_up
for said in 431 436 441 438 silence; do
  python_in s "$FIELD/miniturn.py" 198.51.100.10 wrong-credentials=$said
  RTCDIAG_TURN_PASSWORD=wrong try wrong-$said turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
  try right-$said turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
  stop $PID
done

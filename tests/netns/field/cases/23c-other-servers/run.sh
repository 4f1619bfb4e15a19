#!/bin/bash
# A healthy server that is not coturn: it answers 400 to wrong credentials, as pion/turn (stand-in: miniturn.py).
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$FIELD/miniturn.py" 198.51.100.10 bad-request-on-wrong-credentials
try pion turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
try pion-gather gather -s turn:198.51.100.10 $LAB

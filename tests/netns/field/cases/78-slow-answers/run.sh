#!/bin/bash
# A TURN server that takes 1.2 s to answer each request, and relays data at once.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$FIELD/miniturn.py" 198.51.100.10 slow-answers=1.2
U='turn:198.51.100.10?transport=udp'
try turn turn --no-policy "$U" $LAB
try gather gather -4 -s "$U" $LAB

#!/bin/bash
# TURN servers behind one address, each with a realm of its own: the credentials are never checked.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$FIELD/miniturn.py" 198.51.100.10 realm-changes
try gather gather -4 -s turn:198.51.100.10?transport=udp $LAB
try turn turn --no-policy turn:198.51.100.10?transport=udp $LAB

#!/bin/bash
# coturn that relays IPv6 to who names no family: with both families, with IPv6 alone, and with "keep" asked over IPv6. And a server
# that refuses who names none.
. "$(dirname "$0")/../../lib.sh"; base_up
BOTH="-L 198.51.100.10 -L 2001:db8:5::10"
coturn $BOTH -E 198.51.100.10 -E 2001:db8:5::10 $USERS $PLAIN --allocation-default-address-family=ipv6
try turn-ipv6 turn 'turn:198.51.100.10?transport=udp' $LAB
try gather-ipv6 gather -s 'turn:198.51.100.10?transport=udp' $LAB
try gather-ipv6-4 gather -4 -s 'turn:198.51.100.10?transport=udp' $LAB
stop $PID
coturn $BOTH -E 2001:db8:5::10 $USERS $PLAIN --allocation-default-address-family=ipv6
try turn-alone turn 'turn:198.51.100.10?transport=udp' $LAB
try gather-alone gather -s 'turn:198.51.100.10?transport=udp' $LAB
stop $PID
coturn $BOTH -E 198.51.100.10 -E 2001:db8:5::10 $USERS $PLAIN --allocation-default-address-family=keep
try turn-keep turn 'turn:[2001:db8:5::10]?transport=udp' $LAB
try gather-keep gather -s 'turn:[2001:db8:5::10]?transport=udp' $LAB
stop $PID
coturn $BOTH -E 198.51.100.10 $USERS $PLAIN --allocation-default-address-family=ipv6
try turn-440-coturn turn 'turn:198.51.100.10?transport=udp' $LAB
try gather-440-coturn gather -s 'turn:198.51.100.10?transport=udp' $LAB
stop $PID
python_in s "$FIELD/miniturn.py" 198.51.100.10 no-default-family
try turn-440 turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
try gather-440 gather -s 'turn:198.51.100.10?transport=udp' $LAB

#!/bin/bash
# Two servers, one of which sees something else than this host's NAT gives: another address, or another port. The other one has RFC 5780 or has not.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
addr net lo 198.51.100.30/32
python_in net "$CASE/server.py"
coturn_in net -L 198.51.100.20 -S $PLAIN
try nat -n ha nat -4 --no-port-mapping --no-tcp -s 198.51.100.30:3480 -s 198.51.100.20
try gather -n ha gather -4 -s 198.51.100.30:3480 -s 198.51.100.20
try settled -n ha nat -4 --no-port-mapping --no-tcp -s 198.51.100.30:3482 -s 198.51.100.10
try open -n ha nat -4 --no-port-mapping --no-tcp -s 198.51.100.30:3480 -s 198.51.100.10

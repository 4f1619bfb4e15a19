#!/bin/bash
# Behind a NAT that gives each destination another port: neither a round of many nor gather without a relay calls that good; with a relay it is.
. "$(dirname "$0")/../../pairlib.sh"; internet_up
router a random
try rounds -n ha nat --no-port-mapping --no-tcp -s 198.51.100.10 -s 198.51.100.11 --repeat 2
try gather -n ha gather -s 198.51.100.10 -s 198.51.100.11
try relay -n ha gather -s 198.51.100.10 -s turn:198.51.100.11 $LAB

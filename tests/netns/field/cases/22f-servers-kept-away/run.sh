#!/bin/bash
# One side's firewall keeps the servers away by their addresses, TCP and all: that is no proof that UDP is blocked there.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; router b masquerade
rules na <<<'table inet fw { chain f { type filter hook forward priority 0; ip daddr { 198.51.100.10, 198.51.100.11 } drop; }; }'
pair away "-s stun:198.51.100.10" "-s stun:198.51.100.10"

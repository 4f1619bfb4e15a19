#!/bin/bash
# A company's firewall lets out UDP 3478 and no other UDP: on one side, then on both, with a healthy TURN server too.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; router b masquerade
S="-s stun:198.51.100.10"; T="$S -s turn:198.51.100.10 $LAB"
only_3478() { rules "$1" <<<'table inet fw { chain f { type filter hook forward priority 0; iifname "lan" udp dport != 3478 drop; }; }'; }
only_3478 na
pair one "$S" "$S"
only_3478 nb
pair both "$S" "$S"
pair turn "$T" "$S"
pair each "$T" "$T"

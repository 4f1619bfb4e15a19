#!/bin/bash
# Something on the way lets so many packets of a UDP flow pass and no more.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade
U='turn:198.51.100.10?transport=udp'
fw() { ip netns exec "$ID-na" nft delete table inet fw 2>/dev/null
  rules na <<<"table inet fw { chain f { type filter hook forward priority 0; meta l4proto udp ct original packets > $1 drop; }; }"; }
fw 20; try soon -n ha turn --no-policy "$U" $LAB
try soon-asked-all -n ha turn "$U" $LAB
fw 40; try before-refresh -n ha turn --no-policy "$U" $LAB
fw 100; try later -n ha turn --no-policy "$U" $LAB

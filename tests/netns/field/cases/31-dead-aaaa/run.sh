#!/bin/bash
# The TURN name has an AAAA record, and nothing answers at it; IPv4 works. Clients have both families.
. "$(dirname "$0")/../../lib.sh"; base_up; ca_up
coturn -L 198.51.100.10 $USERS $(good_tls)
rules s <<<'table inet f { chain i { type filter hook input priority 0; ip6 saddr 2001:db8:5::5 meta l4proto { tcp, udp } drop; }; }'
hosts "2001:db8:5::10 turn.example.org" "198.51.100.10 turn.example.org"
try turn turn --no-policy turn:turn.example.org $LAB
try gather gather -s turn:turn.example.org $LAB
try turns turn --no-policy turns:turn.example.org $LAB
# It refuses; the A record is the dead one; and two servers that are silent over IPv6 alike, which is not theirs any more.
hosts "2001:db8:5::11 refused.example.org" "198.51.100.10 refused.example.org" "2001:db8:5::10 turn.example.org" "198.51.100.10 turn.example.org" \
  "2001:db8:5::12 v6.example.org" "198.51.100.77 v6.example.org" "2001:db8:5::11 other.example.org" "198.51.100.12 other.example.org"
rules s <<<'flush ruleset'
try refused-turn turn --no-policy turn:refused.example.org $LAB
try refused-gather gather -s turn:refused.example.org $LAB
coturn -L 2001:db8:5::12 -E 2001:db8:5::12 $USERS $PLAIN
rules s <<<'table inet f { chain i { type filter hook input priority 0; ip daddr 198.51.100.77 drop; }; }'
ip -n "$ID-s" addr add 198.51.100.77/24 dev eth0
try dead-a-gather gather -s turn:v6.example.org $LAB
coturn -L 198.51.100.12 $USERS $PLAIN
rules s <<<'table inet g { chain i { type filter hook input priority 0; ip6 saddr 2001:db8:5::5 meta l4proto { tcp, udp } drop; }; }'
try two-servers gather -s turn:turn.example.org -s turn:other.example.org $LAB

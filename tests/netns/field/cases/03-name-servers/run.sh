#!/bin/bash
# Names that do not resolve, each for another reason: there is none, it has SRV records alone, the name server fails, it never answers for AAAA, and an
# IPv6 address alone where this machine has none.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
echo "nameserver 198.51.100.11" >"$RUN/resolv.conf"
printf '%s\n' '_turn._udp.srv.example.com SRV 0 0 3478 turn.example.com' 'srv.example.com SRV 0 0 3478 turn.example.com' 'fails.example.com A !servfail' \
  'fails.example.com AAAA !servfail' 'half.example.com A 198.51.100.10' 'half.example.com AAAA !silent' 'six.example.com AAAA 2001:db8:5::10' \
  'alias.example.com CNAME good.example.com' 'good.example.com A 198.51.100.10' >"$RUN/zone"
python_in s "$FIELD/dnsd.py" 198.51.100.11 "$RUN/zone"
# The resolver waits for both families, unless one alone is wanted.
try four-turn -4 turn --no-policy turn:half.example.com $LAB
try four-gather -4 gather -s turn:half.example.com $LAB
try four-six -4 gather -s turn:six.example.com $LAB
ip -n "$ID-c" -6 addr flush dev eth0 scope global
for n in none srv fails half six; do
  try $n-turn turn --no-policy turn:$n.example.com $LAB
  try $n-gather gather -s turn:$n.example.com $LAB
  try $n-nat nat --no-port-mapping -s stun:$n.example.com
done
try alias gather -s turn:alias.example.com $LAB

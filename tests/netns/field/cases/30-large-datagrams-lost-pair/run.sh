#!/bin/bash
# A path that loses every UDP datagram above 1000 bytes without a word (a tunnel with a small MTU; fragments and ICMP
# dropped). `turn` over the same path is 30-large-datagrams-lost. Then one way alone, and without, for comparison.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; router b masquerade
rules na <<<'table inet mtu { chain f { type filter hook prerouting priority -400; meta l4proto udp meta length > 1000 counter drop; }; }'
pair pair "-s stun:198.51.100.10" "-s stun:198.51.100.10"
rules na <<<'delete table inet mtu'
rules na <<<'table inet mtu { chain f { type filter hook prerouting priority -400; iifname lan meta l4proto udp meta length > 1000 counter drop; }; }'
pair there "-s stun:198.51.100.10" "-s stun:198.51.100.10"
rules na <<<'delete table inet mtu'
pair whole "-s stun:198.51.100.10" "-s stun:198.51.100.10"

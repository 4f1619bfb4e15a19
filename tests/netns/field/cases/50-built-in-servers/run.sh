#!/bin/bash
# Nobody names a server: those that are built in are asked, and the network fails in several ways.
. "$(dirname "$0")/../../lib.sh"; base_up
names="stunserver2025.stunprotocol.org stun.voipgate.com stun.cloudflare.com stun.l.google.com stun.nextcloud.com stun.hot-chilli.net stun.sip.us"
note "no name server"
try no-dns nat --no-port-mapping
try no-dns-gather gather
note "the router answers, and nothing behind it"
n=20; all=(); for name in $names; do n=$((n + 1)); all+=("203.0.113.$n $name"); done; hosts "${all[@]}"
rules s <<<'table inet f { chain f { type filter hook forward priority 0; policy drop; }; chain i { type filter hook input priority 0; ip daddr 203.0.113.0/24 drop; }; }'
for n in $(seq 21 27); do addr s eth0 203.0.113.$n/32; done
try router-alone nat --no-port-mapping
note "nothing answers at all"
rules s <<<'flush ruleset; table inet f { chain i { type filter hook input priority 0; ip saddr 198.51.100.5 drop; }; }'
try nothing nat --no-port-mapping
note "the hosts refuse TCP, and UDP is dropped"
rules s <<<'flush ruleset; table inet f { chain i { type filter hook input priority 0; meta l4proto udp drop; }; }'
try refused nat --no-port-mapping
note "a DNS filter knows them all"
hosts "0.0.0.0 $names"
try filtered nat --no-port-mapping
note "one name fails, the others answer"
rules s <<<'flush ruleset'
# One address each: none has behaviour discovery.
for n in 21 22 23; do coturn -L 203.0.113.$n $PLAIN; done
hosts "${all[@]:0:3}"
try some-unresolved nat --no-port-mapping
note "no route"
ip -n "$ID-c" route del default; ip -n "$ID-c" -6 addr flush dev eth0; hosts "${all[@]}"
try no-route nat --no-port-mapping

#!/bin/bash
# Both hosts in one VPN, by a tunnel that is the way to everything: it lets nothing from one client to the other. Then one of
# them alone, behind an exit that gives each peer another port.
. "$(dirname "$0")/../../pairlib.sh"; internet_up; router a masquerade; router b masquerade
S="-s stun:198.51.100.10"
ns_add nv; forwards nv; wire net pnv nv wan; port net pnv wan; addr nv wan 203.0.113.50/24; ip -n "$ID-nv" route add default via 203.0.113.1
bridge nv lan 10.8.0.1/24; masquerade nv
client() { # a|b NUMBER
  wire nv "t$1" "h$1" tun0; port nv "t$1" lan; ip -n "$ID-nv" link set "t$1" type bridge_slave isolated on
  addr "h$1" tun0 "10.8.0.$2/24"; ip -n "$ID-h$1" route replace default via 10.8.0.1 dev tun0; }
client a 2; client b 3
pair both "$S" "$S"
# A bridge takes the lowest address of its ports: without one of them it may have another.
ip -n "$ID-nv" link del tb; ip -n "$ID-ha" neigh flush dev tun0; ip -n "$ID-hb" route replace default via 192.168.2.1
ip netns exec "$ID-nv" nft flush ruleset; masquerade nv random,fully-random
pair one "$S" "$S"

#!/bin/bash
# A VPN that is down and has the default route; a machine that DHCP gave no address.
. "$(dirname "$0")/../../lib.sh"; base_up
ns_add v; wire c tun0 v eth0; addr c tun0 10.8.0.2/24; addr v eth0 10.8.0.1/24; ip -n "$ID-c" route replace default via 10.8.0.1
hosts "203.0.113.8 stun.example.org" "203.0.113.9 stun2.example.org"
all="-s stun:stun.example.org -s stun:stun2.example.org"
try vpn nat --no-port-mapping -4 $all
ip -n "$ID-c" link del tun0; ip -n "$ID-c" addr flush dev eth0; addr c eth0 169.254.10.5/16; ip -n "$ID-c" route add default dev eth0
try self-assigned nat --no-port-mapping -4 $all
try self-assigned-gather gather -4 $all

#!/bin/bash
# A second default route that the system does not prefer; servers that a route leads to by a VPN.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -L 198.51.100.11 $USERS $PLAIN
ns_add b v; wire c eth1 b x; addr c eth1 192.168.7.2/24; addr b x 192.168.7.1/24
try one nat -4 --no-port-mapping -s 198.51.100.10
ip -n "$ID-c" route add default via 192.168.7.1 metric 500
try two nat -4 --no-port-mapping -s 198.51.100.10
ip -n "$ID-c" route del default via 192.168.7.1 metric 500
wire c wg0 v y; addr c wg0 10.9.0.2/24; addr v y 10.9.0.1/24 203.0.113.9/32
ip -n "$ID-c" route add 203.0.113.9 via 10.9.0.1
coturn_in v -L 203.0.113.9 $USERS $PLAIN
try vpn nat -4 --no-port-mapping -s 203.0.113.9
try beside nat -4 --no-port-mapping -s 198.51.100.10 -s 203.0.113.9

#!/bin/bash
# TURN behind something that asks in its own name: a UDP proxy, HAProxy over TCP, HAProxy that wants client certificates;
# a UDP proxy that takes another port for each request.
. "$(dirname "$0")/../../lib.sh"; need haproxy haproxy; base_up; ca_up
coturn -L 198.51.100.11 $USERS $PLAIN
proxy() { local how=$1; shift; python_in s "$CASE/proxy.py" 198.51.100.10:3478 "$how" "$@"; }
both() { try "turn-$1" turn --no-policy "turn:$2" $LAB; try "gather-$1" gather -4 -s "turn:$2" $LAB; }
U='turn.example.org?transport=udp'
proxy keep 198.51.100.11; both udp $U; stop $PID
proxy once 198.51.100.11; both once $U; stop $PID
printf '%s\n' defaults ' mode tcp' ' timeout connect 1s' ' timeout client 30s' ' timeout server 30s' 'frontend f1' ' bind 198.51.100.10:443' ' default_backend turn' \
  'frontend f2' " bind 198.51.100.10:5349 ssl crt $CA/good-all.pem verify required ca-file $CA/root.pem" ' default_backend turn' \
  'backend turn' ' server t 198.51.100.11:3478' >"$RUN/haproxy.cfg"
bg s haproxy -f "$RUN/haproxy.cfg"; ready s "$PID"
both tcp 'turn.example.org:443?transport=tcp'
try mutual-tls turn --no-policy turns:turn.example.org $LAB
try mutual-tls-gather gather -4 -s turns:turn.example.org $LAB

#!/bin/bash
# The bare name of a CDN with gather; the same where the CDN refuses the other ports; a TURN server that has TLS on 443 alone, asked by its bare name;
# and one that has switched STUN off.
. "$(dirname "$0")/../../lib.sh"; base_up; ca_up
web "server { listen 198.51.100.10:80; listen 198.51.100.10:443 ssl; ssl_certificate $CA/good-full.pem; ssl_certificate_key $CA/good.key; return 200 hello; }"
allow_only s "tcp dport { 80, 443 } accept;"
try gather-bare gather -s turn:turn.example.org $LAB
rules s <<<"flush ruleset"
try refused turn --no-policy turn:turn.example.org $LAB
coturn -L 198.51.100.11 $USERS $(good_tls) --tls-listening-port 443 --no-udp --no-tcp
hosts "198.51.100.11 turn.example.org"
allow_only s "tcp dport 443 accept;"
try tls-on-443 turn --no-policy turn:turn.example.org $LAB
rules s <<<"flush ruleset"
coturn -L 198.51.100.12 $USERS $PLAIN --no-stun
try no-stun gather -s stun:198.51.100.12

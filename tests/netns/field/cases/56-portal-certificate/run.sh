#!/bin/bash
# A captive portal before the login, and names that are right: its own web server takes every TCP connection, UDP is dropped.
. "$(dirname "$0")/../../lib.sh"; base_up; ca_up
self_signed portal /CN=login.hotel.example rsa:2048 subjectAltName=DNS:login.hotel.example
web "server { listen 198.51.100.10:443 ssl; ssl_certificate $CA/portal.pem; ssl_certificate_key $CA/portal.key; return 302 http://login.hotel.example/; }"
allow_only s "tcp dport 443 accept;"
try turns turn --no-policy turns:turn.example.org:443 $LAB
try gather gather -4 -s turns:turn.example.org:443 $LAB

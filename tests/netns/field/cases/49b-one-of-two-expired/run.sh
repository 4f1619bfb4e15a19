#!/bin/bash
# A name with two addresses: one has the new certificate, and the other one, which was forgotten, an old one.
. "$(dirname "$0")/../../lib.sh"; base_up; ca_up
leaf old /CN=turn.example.org subjectAltName=DNS:turn.example.org 20200101000000Z 20210101000000Z
coturn -L 198.51.100.10 $USERS $(good_tls); coturn -L 198.51.100.11 $USERS --cert "$CA/old-full.pem" --pkey "$CA/old.key"
hosts "198.51.100.10 turn.example.org" "198.51.100.11 turn.example.org"
try turn turn --no-policy turns:turn.example.org $LAB
try gather gather -4 -s turns:turn.example.org $LAB

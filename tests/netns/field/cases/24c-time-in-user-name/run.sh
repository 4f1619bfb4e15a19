#!/bin/bash
# Time-limited credentials that coturn refuses: their time has passed, wherever in the user name it stands and in whatever unit; it lies
# years ahead, so that something else is wrong; or there is none.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 --use-auth-secret --static-auth-secret north -r lab.example $PLAIN
t() { try $1 turn --no-policy 'turn:198.51.100.10?transport=udp' --turn-username "$2"; }
t passed-before 1700000000:ann
t passed-after ann:1700000000
t passed-bare 1700000000
t passed-dash 1700000000-ann
t passed-milliseconds 1700000000000:ann
t ahead 2200000000:ann
t ahead-milliseconds 2200000000000:ann
t telephone 0301234567
try gather gather -s turn:198.51.100.10 --turn-username ann:1700000000

#!/bin/bash
# A DNS filter answers 0.0.0.0 (or 127.0.0.1) for one STUN name; the other names are right, and UDP works.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -L 198.51.100.11 -S $PLAIN
good=("198.51.100.10 stun.example.org" "198.51.100.11 stun2.example.org")
first="-s stun:stun.blocked.example -s stun:stun.example.org -s stun:stun2.example.org"
second="-s stun:stun.example.org -s stun:stun.blocked.example -s stun:stun2.example.org"
for a in 0.0.0.0 127.0.0.1; do note "the filter answers $a"; hosts "$a stun.blocked.example" "${good[@]}"
  try first-$a nat --no-port-mapping $first
  try second-$a nat --no-port-mapping $second
done
hosts "0.0.0.0 stun.blocked.example" ":: stun.blocked.example" "${good[@]}"
try gather gather -s stun:stun.blocked.example -s stun:stun.example.org
try alone nat --no-port-mapping -s stun:stun.blocked.example
try turn turn --no-policy turn:stun.blocked.example $LAB
note "an address of the family IPv6; a line for the own name, as Debian has it; a private address"
hosts "::1 stun.blocked.example" "${good[@]}"
try six nat --no-port-mapping $first
hosts "127.0.1.1 stun.blocked.example" "${good[@]}"
try own-name turn --no-policy turn:stun.blocked.example $LAB
hosts "10.11.12.13 stun.blocked.example" "${good[@]}"
try private nat --no-port-mapping $first
hosts "127.0.0.1 stun.blocked.example stun.other.example"
try all nat --no-port-mapping -s stun:stun.blocked.example -s stun:stun.other.example

#!/bin/bash
# User name and password stand in the entry of a stun: URL, where nothing takes them.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
stun='{"urls":"stun:198.51.100.10","username":"lab","credential":"labpass"}'
list() { echo "[$1]" >"$RUN/ice.json"; chmod 600 "$RUN/ice.json"; }
list "$stun"; try alone gather -4 --ice-servers "$RUN/ice.json"
list "$stun,{\"urls\":\"turn:198.51.100.10\"}"
try gather gather -4 --ice-servers "$RUN/ice.json"
try turn turn --ice-servers "$RUN/ice.json" 'turn:198.51.100.10?transport=udp'
list "$stun,{\"urls\":\"turn:198.51.100.10\",\"username\":\"lab\",\"credential\":\"labpass\"}"
try both gather -4 --ice-servers "$RUN/ice.json"

#!/bin/bash
# Lists with other mistakes: quotes of a word processor, a scheme twice, placeholders, credentials in the URL, IPv6 without brackets, turns: over UDP,
# and relays alone wanted where there are none.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
umask 077
T='turn:198.51.100.10:3478?transport=udp' U='"username":"lab","credential":"labpass"'
list() { cat >"$RUN/$1.json"; try "$1" gather -4 --ice-servers "$RUN/$1.json" --timeout 6; }
list quotes <<<"[{“urls”: “$T”, “username”: “lab”, “credential”: “labpass”}]"
list scheme-twice <<<'[{"urls":"stun:stun:198.51.100.10:3478"}]'
list placeholder <<<"[{\"urls\":\"\$TURN_URL\",$U},{\"urls\":\"turn:<your-server>:3478\",$U},{\"urls\":\"$T\",$U}]"
list user-in-url <<<'[{"urls":"turn:lab:labpass@198.51.100.10:3478"}]'
list no-brackets <<<"[{\"urls\":\"stun:2001:db8:5::10:3478\"},{\"urls\":\"$T\",$U}]"
list turns-udp <<<"[{\"urls\":\"turns:198.51.100.10:5349?transport=udp\",$U},{\"urls\":\"$T\",$U}]"
list relay-alone <<<'{"iceServers":[{"urls":"stun:198.51.100.10"}],"iceTransportPolicy":"relay"}'
list relay <<<"{\"iceServers\":[{\"urls\":\"$T\",$U}],\"iceTransportPolicy\":\"relay\"}"

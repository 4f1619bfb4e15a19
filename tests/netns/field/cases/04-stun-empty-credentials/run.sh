#!/bin/bash
# A list of ICE servers whose STUN entry has `username: ""` and `credential: ""`; browsers do not look at them for stun:.
# Then other odd credentials, and single URLs that cannot be used.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -a -u lab:labpass -u 17:4711 -r lab.example $PLAIN
umask 077
list() { cat >"$RUN/$1.json"; echo "$RUN/$1.json"; }
try gather gather --ice-servers "$(secret ice.json)"
try numbers gather --ice-servers "$(list numbers <<<'[{"urls": "turn:198.51.100.10", "username": 17, "credential": 4711}]')"
try empty-turn gather --ice-servers "$(list empty <<<'[{"urls": ["stun:198.51.100.10", "turn:198.51.100.10"], "username": "", "credential": ""}]')"
try oauth gather --ice-servers "$(list oauth <<<'[{"urls": "stun:198.51.100.10"}, {"urls": "turn:198.51.100.10", "username": "u", "credential": {"macKey": "V2hhdEE", "accessToken": "QXRva2Vu"}}]')"
try one-bad gather --ice-servers "$(list onebad <<<'[{"urls": ["stun:198.51.100.10", "http://198.51.100.10", "turn://198.51.100.10", "turn:198.51.100.10?transport=TLS", " TURN:198.51.100.10?transport=udp "], "username": "lab", "credential": "labpass"}]')"
try single gather --ice-servers "$(list single <<<'{"urls": "turn:198.51.100.10", "username": "lab", "credential": "labpass"}')"
try strings gather --ice-servers "$(list strings <<<'["stun:198.51.100.10", "stun:198.51.100.10?transport=udp"]')"
try all-bad gather --ice-servers "$(list allbad <<<'[{"urls": "turn://198.51.100.10", "username": "lab", "credential": "labpass"}]')"

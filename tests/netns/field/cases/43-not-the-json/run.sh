#!/bin/bash
# What people paste instead of the JSON list: JavaScript, a trailing comma, a Matrix homeserver's answer (`uris`), Nextcloud Talk's settings.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
try javascript gather --ice-servers "$(secret ice.js list1)" --timeout 4
try comma gather --ice-servers "$(secret trailing-comma.json list2)" --timeout 4
try matrix gather --ice-servers "$(secret matrix.json list3)" --timeout 4
try talk gather --ice-servers "$(secret talk.json list4)" --timeout 4
umask 077
list() { cat >"$RUN/$1"; echo "$RUN/$1"; }
try variable gather --ice-servers "$(list variable <<<$'const ice = {\n  iceServers: [{ urls: url, username, credential }]\n};')" --timeout 4
try html gather --ice-servers "$(list html <<<'<!DOCTYPE html><html><body>Sign in</body></html>')" --timeout 4
try empty gather --ice-servers "$(list empty </dev/null)" --timeout 4
try cut gather --ice-servers "$(list cut <<<'{"iceServers": [{"urls": "turn:198.51.100.10", "credential": "labpa')" --timeout 4
try nested gather --ice-servers "$(list nested <<<'{"s": "ok", "v": {"iceServers": {"urls": ["stun:198.51.100.10", "turn:198.51.100.10"], "username": "lab", "credential": "labpass"}}}')" --timeout 4
try aws gather --ice-servers "$(list aws <<<'{"IceServerList": [{"Uris": ["turn:198.51.100.10"], "Username": "lab", "Password": "labpass", "Ttl": 300}]}')" --timeout 4
try yaml gather --ice-servers "$(list yaml <<<$'iceServers:\n  - urls: stun:198.51.100.10')" --timeout 4
try secret-alone gather --ice-servers "$(list alone <<<'labpass')" --timeout 4
try no-urls gather --ice-servers "$(list nourls <<<'{"turn_servers": [{"server": "198.51.100.10:3478", "secret": "labpass", "protocols": "udp,tcp"}]}')" --timeout 4

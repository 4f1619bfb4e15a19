#!/bin/bash
# Lists as more services and programs write them: other names of keys, JSON in a string, Python, several URLs in one string, the answer of a
# service that refuses, and ?transport= behind stun:, for which Chrome refuses the whole list.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
umask 077
T='turn:198.51.100.10:3478?transport=udp' U='"username":"lab","credential":"labpass"'
list() { cat >"$RUN/$1.json"; try "$1" gather -4 --ice-servers "$RUN/$1.json" --timeout 4; }
list key-password <<<"[{\"urls\":\"$T\",\"username\":\"lab\",\"password\":\"labpass\"}]"
list key-capitals <<<"[{\"Urls\":[\"$T\"],\"UserName\":\"lab\",\"Credential\":\"labpass\"}]"
list key-pass <<<"[{\"urls\":\"$T\",\"user\":\"lab\",\"pass\":\"labpass\"}]"
list key-url <<<"[{\"url\":\"$T\",$U}]"
list other-name <<<"{\"ICEServersConfigs\":[{\"urls\":[\"$T\"],$U}]}"
list other-name-deep <<<"{\"data\":{\"turn\":{\"urls\":[\"$T\"],$U}}}"
python3 -c 'import json,sys; print(json.dumps(sys.argv[1]))' "[{\"urls\":\"$T\",$U}]" | list twice
python3 -c 'import json,sys; print(json.dumps({"iceServers": sys.argv[1]}))' "[{\"urls\":\"$T\",$U}]" | list twice-within
list strings <<<'["stun:198.51.100.10"]'
list python <<<"[{'urls': '$T', 'username': 'lab', 'credential': 'labpass', 'tls': False}]"
list comma <<<"[{\"urls\":\"stun:198.51.100.10,$T\",$U}]"
list stun-transport <<<"[{\"urls\":[\"stun:198.51.100.10:3478?transport=udp\",\"$T\"],$U}]"
list refused-code <<<'{"code":20003,"message":"Authenticate","status":401}'
list refused-word <<<'{"s":"error","v":"unauthorized"}'
list refused-errors <<<'{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}'

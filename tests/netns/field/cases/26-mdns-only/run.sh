#!/bin/bash
# A browser's answer with nothing but .local candidates: it hides its addresses, and has no STUN server. Then answers with
# nothing but names, TCP, or nothing at all; and the first one in the forms in which programs and mail carry it.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -S $PLAIN
given() { local name=$1; shift; try $name pair --manual=sdp --role controlling -s stun:198.51.100.10 --no-nat --timeout 15 "$@"; }
hidden='a=candidate:.*local.*'
given pair <"$CASE/answer.sdp"
sed -E 's/[0-9a-f-]+\.local/cam.example.org/' "$CASE/answer.sdp" | given names
sed -E 's/ udp ([0-9]+) [0-9a-f-]+\.local [0-9]+ typ host/ tcp \1 192.0.2.7 9 typ host tcptype active/' "$CASE/answer.sdp" | given tcp
grep -v "^a=candidate" "$CASE/answer.sdp" | given none
sed -E '0,/[0-9a-f-]+\.local/s//fe80::1%eth0/' "$CASE/answer.sdp" | given zone
python3 -c 'import json,sys; print(json.dumps({"type": "answer", "sdp": sys.stdin.read().replace("\n", "\r\n")}))' <"$CASE/answer.sdp" | given form-json
python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()))' <"$CASE/answer.sdp" | given form-string
base64 <"$CASE/answer.sdp" | given form-base64
sed 's/^/> /' "$CASE/answer.sdp" | given form-quoted
sed 's/$/\r/; s/^/    /' "$CASE/answer.sdp" | given form-indented
given no-sdp <<<'{"type": "answer"}'

#!/bin/bash
# What is pasted in place of an answer: a SIP phone's SDP, one that refuses all media, candidates of no use, this side's own offer, a password
# that is too short, a candidate alone, what a WHIP server answers over HTTP, with SDP in it and without, and an empty line before the candidates.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 -S $PLAIN
given() { try "$1" pair --manual=sdp --role controlling -s stun:198.51.100.10 --no-nat --timeout 15; }
head=$'v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n' m=$'m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\n'
ice=$'a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=setup:active\na=mid:0\n'
candidate() { echo "a=candidate:1 1 udp 2130706431 $1 $2 typ host"; }
given sip-phone <<<"${head}c=IN IP4 192.168.1.20
m=audio 5004 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000"
given refused <<<"${head}m=application 0 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0"
given useless-zero <<<"$head$m$ice$(candidate 0.0.0.0 9)"
given useless-port <<<"$head$m$ice$(candidate 198.51.100.10 0)"
given useless-link-local <<<"$head$m$ice$(candidate fe80::1 5000)"
given short <<<"$head${m}a=ice-ufrag:abcd
a=ice-pwd:short
$(candidate 198.51.100.10 5000)"
given candidate <<<"$(candidate 198.51.100.10 5000)"
given candidate-json <<<'{"candidate":"candidate:1 1 udp 2130706431 198.51.100.10 5000 typ host","sdpMid":"0"}'
given whip-404 <<<$'HTTP/1.1 404 Not Found\nContent-Type: text/html\n\n<html>404</html>'
given whip-201 <<<$'HTTP/1.1 201 Created\nContent-Type: application/sdp\nLocation: /whip/1\n\n'"$head$m$ice$(candidate 198.51.100.10 5000)"
given empty-line <<<"$head$m$ice"$'\n'"$(candidate 198.51.100.10 5000)"
note "this side's own offer, copied back"
out=${FIELD_OUT:-$RUN}; mkfifo "$RUN/in"
(try own pair --manual=sdp --role controlling -s stun:198.51.100.10 --no-nat --timeout 25 <"$RUN/in" >"$RUN/own.txt" 2>&1; cat "$RUN/own.txt") & own=$!
exec 9>"$RUN/in"
for _ in $(seq 100); do cat "$RUN/own.txt" "$out/own.err" 2>/dev/null | grep -q end-of-candidates && break; sleep .1; done
cat "$RUN/own.txt" "$out/own.err" 2>/dev/null | tr -d '\r' | sed -n '/^v=0/,/^a=end-of-candidates/p' >&9; exec 9>&-
wait $own

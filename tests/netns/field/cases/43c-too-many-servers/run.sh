#!/bin/bash
# A list of ICE servers with 30 entries, the TURN server among the last.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
python3 - >"$RUN/ice.json" <<'END'
import json
stun = [{"urls": "stun:198.51.100.10:%d" % (3478 if n == 0 else 5000 + n)} for n in range(29)]
print(json.dumps(stun + [{"urls": "turn:198.51.100.10?transport=udp", "username": "lab", "credential": "labpass"}]))
END
chmod 600 "$RUN/ice.json"
try gather gather -4 --ice-servers "$RUN/ice.json"
try relay gather -4 --policy relay --ice-servers "$RUN/ice.json"
try nat nat -4 --ice-servers "$RUN/ice.json"

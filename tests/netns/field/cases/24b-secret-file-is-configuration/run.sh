#!/bin/bash
# turn --turn-secret-file is given coturn's configuration instead of the secret: one line of it, or the whole file; and other
# forms of the file, of which line endings and a byte order mark do no harm.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 --use-auth-secret --static-auth-secret north-star -r lab.example $PLAIN
umask 077
echo static-auth-secret=north-star >"$RUN/line"
printf '# turnserver.conf\nrealm=lab.example\nuse-auth-secret\nstatic-auth-secret=north-star\n' >"$RUN/configuration"
printf '{"realm": "lab.example",\n "secret": "north-star"}\n' >"$RUN/json"
printf 'turn:\n  secret: north-star\n' >"$RUN/yaml"
printf 'lab.example\nnorth-star\n' >"$RUN/lines"
printf '"north-star"\n' >"$RUN/quotes"
printf 'north-star' | base64 >"$RUN/base64"
printf '\xef\xbb\xbfnorth-star\r\n' >"$RUN/windows"
unset RTCDIAG_TURN_PASSWORD
for form in line configuration json yaml lines quotes base64 windows; do
  try $form turn --no-policy 'turn:198.51.100.10?transport=udp' --turn-secret-file "$RUN/$form"
done
try gather gather -s 'turn:198.51.100.10?transport=udp' --turn-secret-file "$RUN/line"

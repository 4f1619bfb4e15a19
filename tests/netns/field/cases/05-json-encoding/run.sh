#!/bin/bash
# The list as an editor or PowerShell's > saved it: UTF-8 with a byte order mark, and UTF-16.
. "$(dirname "$0")/../../lib.sh"; base_up
coturn -L 198.51.100.10 $USERS $PLAIN
umask 077
printf '\xef\xbb\xbf' >"$RUN/list1"; cat "$CASE/ice.json" >>"$RUN/list1"
{ printf '\xff\xfe'; iconv -f UTF-8 -t UTF-16LE "$CASE/ice.json"; } >"$RUN/list2"
try bom gather --ice-servers "$RUN/list1"
try utf16 gather --ice-servers "$RUN/list2"
{ printf '\xfe\xff'; iconv -f UTF-8 -t UTF-16BE "$CASE/ice.json"; } >"$RUN/list3"
iconv -f UTF-8 -t UTF-16LE "$CASE/ice.json" >"$RUN/list4"
printf '[{"urls": "stun:198.51.100.10", "comment":\n "caf\xe9"}]' >"$RUN/list5"
try utf16-be gather --ice-servers "$RUN/list3"
try utf16-bare gather --ice-servers "$RUN/list4"
try latin1 gather --ice-servers "$RUN/list5"

#!/bin/bash
# A router that answers nothing is waited for up to a second; somebody at a terminal sees the verdict before, and the same afterwards.
. "$(dirname "$0")/../../pairlib.sh"; internet_up
router a masquerade
rules na <<<"table inet silent { chain i { type filter hook input priority -10; udp dport { 1900, 5351 } drop; }; }"
try nat -n ha nat -s 198.51.100.10 -s 198.51.100.11
need script bsdutils
at ha script -qec "stty cols 100 rows 30; TERM=xterm $R nat -s 198.51.100.10 -s 198.51.100.11" "$RUN/terminal" >/dev/null </dev/null
shown=$(tr -d '\r' <"$RUN/terminal")
before=${shown%%Findings*}
case $before in *'good: IPv4 NAT ('*'the router is still asked'*) ;; *) echo "no verdict while the router was asked:"; echo "$shown"; exit 1 ;; esac

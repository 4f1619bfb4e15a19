#!/bin/bash
# An office network whose only way out is an HTTP proxy (CONNECT to 443), named in HTTPS_PROXY as for every other program there.
. "$(dirname "$0")/../../lib.sh"; need tinyproxy tinyproxy-bin; base_up; ca_up
hosts "198.51.100.11 turn.example.org"
coturn -L 198.51.100.11 $USERS $(good_tls) --tls-listening-port 443
printf '%s\n' 'Port 3128' 'Listen 198.51.100.10' 'MaxClients 20' 'ConnectPort 443' 'Allow 198.51.100.0/24' "LogFile \"$RUN/tinyproxy.log\"" >"$RUN/tinyproxy.conf"
bg s tinyproxy -d -c "$RUN/tinyproxy.conf"; ready s "$PID"
rules s <<<'table inet f { chain i { type filter hook input priority 0; ip saddr 198.51.100.5 tcp dport 3128 accept; ip saddr 198.51.100.5 meta l4proto { tcp, udp } ct state new drop; }; }'
export HTTPS_PROXY=http://198.51.100.10:3128 https_proxy=http://198.51.100.10:3128
try gather -4 gather -s turns:turn.example.org:443 -s turn:turn.example.org $LAB
try turn -4 turn --no-policy turns:turn.example.org:443 $LAB
try nat -4 nat --no-port-mapping -s stun:turn.example.org -s stun:198.51.100.12
# A port that the proxy lets nobody connect to; a name that it is not for.
try other-port -4 turn --no-policy turns:turn.example.org:5349 $LAB
NO_PROXY=.example.org try exempt -4 turn --no-policy turns:turn.example.org:443 $LAB

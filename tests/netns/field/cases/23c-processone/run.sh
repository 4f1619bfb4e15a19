#!/bin/bash
# ProcessOne's stun library, eturnal's (Debian package erlang-p1-stun): a healthy server that is not coturn.
. "$(dirname "$0")/../../lib.sh"; need erl erlang-p1-stun; base_up
bg s erl -noshell -eval '{ok,_} = application:ensure_all_started(stun),
  O = [{use_turn,true}, {auth_type,user}, {auth_realm,<<"lab.example">>}, {auth_fun, fun(<<"lab">>,_) -> <<"labpass">>; (_,_) -> <<>> end},
       {turn_ipv4_address,{198,51,100,10}}, {turn_min_port,49152}, {turn_max_port,65535}],
  ok = stun_listener:add_listener({198,51,100,10}, 3478, udp, O), ok = stun_listener:add_listener({198,51,100,10}, 3478, tcp, O), receive stop -> ok end.'
sleep 2; [ -d "/proc/$PID" ] || { echo "needs erlang-p1-stun"; exit 77; }
ready s "$PID"
try eturnal turn --no-policy turn:198.51.100.10 $LAB
try eturnal-gather gather -s turn:198.51.100.10 $LAB
RTCDIAG_TURN_PASSWORD=wrong try eturnal-wrong turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB

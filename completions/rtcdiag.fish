# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_rtcdiag_global_optspecs
    string join \n json jsonl 4/ipv4 6/ipv6 interface= local= timeout= color= q/quiet v/verbose redact html= config= h/help V/version
end

function __fish_rtcdiag_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_rtcdiag_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_rtcdiag_using_subcommand
    set -l cmd (__fish_rtcdiag_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s V -l version -d 'Print version'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "demo" -d 'All of it on loopback, with servers of its own: no network needed'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "serve" -d 'The rendezvous server for `pair`'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "sdp" -d 'Session descriptions: what will be agreed, and why not more'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "inspect" -d 'Recorded evidence (browser dumps, captures, SDP): why did that call fail'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "completions" -d 'Completions of rtcdiag for a shell'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "explain" -d 'What a finding, error or reason means and what to do; topics in depth'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "man" -d 'A man page: of rtcdiag, of a command, or of a topic'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "nat" -d 'Public mapping and NAT behaviour, from STUN servers'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "gather" -d 'Host, srflx and relay candidates, and per server why one is missing'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "turn" -d 'Is this TURN server healthy and safe'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "pair" -d 'Two machines: which candidate pair works, which do not, and why'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "mesh" -d 'N hosts with one code: who reaches whom, how, and why not'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l duration -d 'How long to measure the quality of the path' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l listen -d 'Listen here, repeatable (or several, separated by commas): ADDRESS:PORT, or ADDRESS for port 7880 [default: port 7880 of all addresses, IPv6 and IPv4]' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l tls-cert -d 'Speak TLS (wss://) with the certificates in this PEM file: the server\'s own, then those that lead to its issuer' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l tls-key -d 'The private key of that certificate, a PEM file without a password' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l trusted-proxy -d 'Believe reverse proxies in this network whom they speak for, such as 10.0.0.0/8 or 127.0.0.1; repeatable' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l admin-listen -d 'Have /health and /metrics here, over plain HTTP, and not where clients come' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l allow-origin -d 'Let pages of this origin (scheme and host, without a path) connect too; repeatable, * is all' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l broker -d 'Share the rooms with all other servers that have this MQTT broker, so that members of one room may be connected to different servers: mqtt://, mqtts://, mqtt+ws:// or mqtt+wss://' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l broker-username -d 'User name for that broker; its password comes from the environment (see below) or --broker-password-file' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l broker-password-file -d 'Read that password from the first line of this file; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-connections -d 'Open connections in total' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-connections-per-address -d 'Open connections from one address (IPv6: from one /64)' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-joins-per-address -d 'Joins from one address in a second; five seconds\' worth may come at once' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-rooms -d 'Open rooms' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l room-lifetime -d 'Close a room after this many seconds' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-message -d 'Size of a message [default: the largest that pair sends]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-messages-per-room -d 'Messages in one room in a second; five seconds\' worth may come at once' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-bytes-per-room -d 'Bytes in one room in a second; five seconds\' worth may come at once' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l max-queue -d 'Bytes that may wait for one client before it is dropped as too slow' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l request-timeout -d 'From the connection to the whole HTTP request, TLS handshake included' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l join-timeout -d 'From there to the join' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l ping-interval -d 'Ping clients this often' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l silence-timeout -d 'Drop a client that has been silent for this long' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l write-timeout -d 'Drop a client that does not take a message within this time' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l message-timeout -d 'Drop a client whose message takes longer than this from its first byte to its last' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l stun -d 'Answer STUN Binding requests on this address, over UDP and TCP: ip or ip:port, port 3478 by default; repeatable, one for IPv4 and one for IPv6' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l stun-alternate -d 'Another IP address of this host, for NAT behaviour discovery (RFC 5780); its port, or that of --stun plus 1, is the alternate port on both' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn -d 'Relay for the users of --turn-users-file or --turn-auth-secret-file on this address, over UDP and TCP: ip or ip:port, port 3478 by default; repeatable, one for IPv4 and one for IPv6' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-external-ip -d 'The public address that clients are told for their relays, if this host is behind a NAT that forwards the ports' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-realm -d 'What the TURN server calls itself when it asks for credentials' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-users-file -d 'Who may use the TURN server: lines of user:password' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-auth-secret-file -d 'Accept time-limited credentials made from the secret in the first line of this file (coturn\'s use-auth-secret)' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-allow-peer -d 'Let relays reach peers in this network too, such as 192.168.7.0/24; repeatable' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-relay-ports -d 'UDP ports of the relays' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-max-allocations -d 'Relays at a time, in total' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-max-per-user -d 'Relays of one user at a time; one that gathers candidates needs up to two for each interface and transport' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-max-rate -d 'Kilobits a second through one relay, in each direction; 0 sets no limit' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l turn-max-lifetime -d 'Longest time, in seconds, that a relay lives without being refreshed' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l answerer -d 'Tell what the answer would be: of chromium, of webrtc-rs, or of a program that has made the description in this file' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l receive-only -d 'The answering application sends nothing of its own: it has added no audio and no video track'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand sdp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l lifetime -d 'Measure how long an unused binding lives, up to MAX (seconds, or as 90s, 5m; at most 30m) [default with the flag: 5m]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l nat64-prefix -d 'Reach IPv4 servers from IPv6 with this prefix [default: looked up in DNS (RFC 7050) where there is no IPv4]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l repeat -d 'Test this many times: one line for each round, and totals at the end' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l watch -d 'Start a round every so many seconds (at least 1), until stopped or until --repeat is done' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s s -l server -d 'Server to ask, repeatable (or several, separated by commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l ice-servers -d 'Read servers from the JSON of RTCPeerConnection\'s iceServers; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l expect -d 'Exit with 0 only if this holds: mapping=, filtering= or udp=, or several, separated by commas' -r -f -a "filtering=address-and-port-dependent\t''
filtering=address-dependent\t''
filtering=endpoint-independent\t''
mapping=address-and-port-dependent\t''
mapping=address-dependent\t''
mapping=endpoint-independent\t''
udp=blocked\t''
udp=open\t''"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l port-mapping-test -d 'Have the router make a short-lived port mapping, try it from outside, and remove it'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l no-port-mapping -d 'Do not ask the router for its external address (PCP, NAT-PMP, UPnP IGD; asking changes nothing)'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l no-tcp -d 'Do not ask the servers over TCP as well'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l collision-test -d 'Test whether the mapping stays the same when another host behind the same NAT holds the port (needs a second local address)'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l all-interfaces -d 'Test over every interface, not only the one that the system would choose'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l policy -d 'Which candidates to gather, as iceTransportPolicy of RTCPeerConnection' -r -f -a "all\t'Host, srflx and relay'
relay\t'Only relay; STUN servers are not asked'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l turn-username -d 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l turn-password-file -d 'Read the password from the first line of this file; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l turn-secret-file -d 'Mint time-limited credentials from the secret in the first line of this file (coturn\'s use-auth-secret); --turn-username is the user in them' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -s s -l server -d 'Server to ask, repeatable (or several, separated by commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l ice-servers -d 'Read servers from the JSON of RTCPeerConnection\'s iceServers; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l expect -d 'Exit with 0 only if there is such a candidate: candidates=host, srflx or relay, or several, separated by commas' -r -f -a "candidates=host\t''
candidates=relay\t''
candidates=srflx\t''"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand gather" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l peer -d 'A peer to try: whether the server\'s policy allows it, and whether it answers a Binding request through the relay, as a STUN server does' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l ice-servers -d 'Take user and password from the JSON of RTCPeerConnection\'s iceServers, from the entry with this host; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l turn-username -d 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l turn-password-file -d 'Read the password from the first line of this file; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l turn-secret-file -d 'Mint time-limited credentials from the secret in the first line of this file (coturn\'s use-auth-secret); --turn-username is the user in them' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l expect -d 'Exit with 0 only if the server is healthy: turn=ok; warnings on its safety do not change that' -r -f -a "turn=ok\t''"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l no-policy -d 'Do not ask which peers the server\'s policy allows'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand turn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l rendezvous -d 'Where to meet, repeatable (or several, separated by commas): `ws://host:port` or `wss://host` (rtcdiag serve), mqtt://, mqtts://, mqtt+ws:// or mqtt+wss:// (any MQTT broker), lan (a rendezvous in this program) or public (see --public-brokers) [default: lan and public]' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l public-brokers -d 'What public stands for: brokers that anybody may use, of several operators' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l rendezvous-listen -d 'Where the rendezvous in this program (lan) listens, instead of on a free port of all addresses' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l manual -d 'No rendezvous: print one line of text for the other side and read its line from standard input; with =sdp, SDP itself, so that the other side may be any ICE agent' -r -f -a "line\t'One line of text'
sdp\t'SDP'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l policy -d 'Which candidates to use, as iceTransportPolicy of RTCPeerConnection; relay forces the relay' -r -f -a "all\t'Host, srflx and relay'
relay\t'Only relay; STUN servers are not asked'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l duration -d 'How long to measure the quality of the path' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l media -d 'Test audio, video or both with a browser at the other side: what its microphone and camera give, or a tone and a picture of its page, comes back to it' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l role -d 'Force this side\'s ICE role; otherwise the two sides settle it' -r -f -a "controlling\t'Nominates the pair'
controlled\t'Follows'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l turn-username -d 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l turn-password-file -d 'Read the password from the first line of this file; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l turn-secret-file -d 'Mint time-limited credentials from the secret in the first line of this file (coturn\'s use-auth-secret); --turn-username is the user in them' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l rendezvous-username -d 'User name for the MQTT brokers named with --rendezvous; its password comes from the environment (see below) or --rendezvous-password-file' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l rendezvous-password-file -d 'Read that password from the first line of this file; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -s s -l server -d 'Server to ask, repeatable (or several, separated by commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l ice-servers -d 'Read servers from the JSON of RTCPeerConnection\'s iceServers; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l expect -d 'Exit with 0 only if this holds: pair=direct or pair=connected' -r -f -a "pair=connected\t''
pair=direct\t''"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l new-code -d 'Print a fresh code and exit; `rtcdiag pair CODE` on both hosts then works in either order'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l no-nat -d 'Do not measure this side\'s NAT behaviour; then nothing is predicted'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l share-turn-password -d 'Pass the TURN password on to a browser at the other side; credentials that are minted (--turn-secret-file) end by themselves, and it gets those in any case'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand pair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l hosts -d 'How many hosts there are, this one too: it ends as soon as so many have come and the way between each two is tested; without it, it ends when all is tested and nobody new comes for 3 s' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l name -d 'How this host is called in the tables of all [default: the host\'s name; with --redact, a random one]' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l rendezvous -d 'Where to meet, repeatable (or several, separated by commas): `ws://host:port` or `wss://host` (rtcdiag serve), mqtt://, mqtts://, mqtt+ws:// or mqtt+wss:// (any MQTT broker), lan (a rendezvous in this program) or public (see --public-brokers) [default: lan and public]' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l public-brokers -d 'What public stands for: brokers that anybody may use, of several operators' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l rendezvous-listen -d 'Where the rendezvous in this program (lan) listens, instead of on a free port of all addresses' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l policy -d 'Which candidates to use, as iceTransportPolicy of RTCPeerConnection; relay forces the relay' -r -f -a "all\t'Host, srflx and relay'
relay\t'Only relay; STUN servers are not asked'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l duration -d 'How long to measure the quality of each path' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l turn-username -d 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l turn-password-file -d 'Read the password from the first line of this file; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l turn-secret-file -d 'Mint time-limited credentials from the secret in the first line of this file (coturn\'s use-auth-secret); --turn-username is the user in them' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l rendezvous-username -d 'User name for the MQTT brokers named with --rendezvous; its password comes from the environment (see below) or --rendezvous-password-file' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l rendezvous-password-file -d 'Read that password from the first line of this file; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -s s -l server -d 'Server to ask, repeatable (or several, separated by commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l ice-servers -d 'Read servers from the JSON of RTCPeerConnection\'s iceServers; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l expect -d 'Exit with 0 only if this holds: all=direct or all=connected' -r -f -a "all=connected\t''
all=direct\t''"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l timeout -d 'End the whole command after this many seconds [default: 10 for nat, gather and turn; with --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the rounds of nat --repeat and --watch]' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l html -d 'Write the same result as one HTML page to this file, beside the normal output' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l new-code -d 'Print a fresh code and exit; `rtcdiag mesh CODE` on all hosts then works in any order'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l no-nat -d 'Do not measure this host\'s NAT behaviour; then less is known of why there is no direct path'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -s q -l quiet -d 'Show neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -s v -l verbose -d 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -l redact -d 'Replace every address in the output by a label, the same address always by the same label, so that it can be shown to others'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand mesh" -s h -l help -d 'Print help (see more with \'--help\')'

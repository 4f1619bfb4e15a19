
use builtin;
use str;

set edit:completion:arg-completer[rtcdiag] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'rtcdiag'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'rtcdiag'= {
            cand --interface 'Use this network interface'
            cand --local 'Send from this local address'
            cand --timeout 'End the whole command after this many seconds'
            cand --color 'Colour in the output'
            cand --config 'Read defaults from this file instead of the one in the user''s configuration directory'
            cand --json 'Print one JSON document on stdout'
            cand --jsonl 'Print JSON lines: events as they happen, the document last'
            cand -4 'IPv4 only'
            cand --ipv4 'IPv4 only'
            cand -6 'IPv6 only'
            cand --ipv6 'IPv6 only'
            cand -q 'Neither progress nor hints'
            cand --quiet 'Neither progress nor hints'
            cand -v 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand --verbose 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand nat 'Public mapping and NAT behaviour, from STUN servers'
            cand gather 'Host, srflx and relay candidates, and per server why one is missing'
            cand turn 'Is this TURN server healthy and safe'
        }
        &'rtcdiag;nat'= {
            cand --expect 'Exit with 0 only if this holds: mapping=, filtering= or udp=, several with commas'
            cand -s 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port'
            cand --server 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port'
            cand --ice-servers 'Read servers from the JSON of RTCPeerConnection''s iceServers; - is standard input'
            cand --interface 'Use this network interface'
            cand --local 'Send from this local address'
            cand --timeout 'End the whole command after this many seconds'
            cand --color 'Colour in the output'
            cand --config 'Read defaults from this file instead of the one in the user''s configuration directory'
            cand --json 'Print one JSON document on stdout'
            cand --jsonl 'Print JSON lines: events as they happen, the document last'
            cand -4 'IPv4 only'
            cand --ipv4 'IPv4 only'
            cand -6 'IPv6 only'
            cand --ipv6 'IPv6 only'
            cand -q 'Neither progress nor hints'
            cand --quiet 'Neither progress nor hints'
            cand -v 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand --verbose 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rtcdiag;gather'= {
            cand --policy 'Which candidates to gather, as iceTransportPolicy of RTCPeerConnection'
            cand --expect 'Exit with 0 only if there is such a candidate: candidates=host, srflx or relay, several with commas'
            cand --turn-username 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file'
            cand --turn-password-file 'Read the password from the first line of this file; - is standard input'
            cand --turn-secret-file 'Mint time-limited credentials from the secret in the first line of this file (coturn''s use-auth-secret); --turn-username is the user in them'
            cand -s 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port'
            cand --server 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port'
            cand --ice-servers 'Read servers from the JSON of RTCPeerConnection''s iceServers; - is standard input'
            cand --interface 'Use this network interface'
            cand --local 'Send from this local address'
            cand --timeout 'End the whole command after this many seconds'
            cand --color 'Colour in the output'
            cand --config 'Read defaults from this file instead of the one in the user''s configuration directory'
            cand --json 'Print one JSON document on stdout'
            cand --jsonl 'Print JSON lines: events as they happen, the document last'
            cand -4 'IPv4 only'
            cand --ipv4 'IPv4 only'
            cand -6 'IPv6 only'
            cand --ipv6 'IPv6 only'
            cand -q 'Neither progress nor hints'
            cand --quiet 'Neither progress nor hints'
            cand -v 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand --verbose 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'rtcdiag;turn'= {
            cand --expect 'Exit with 0 only if the server is healthy: turn=ok'
            cand --ice-servers 'Take user and password from the JSON of RTCPeerConnection''s iceServers, from the entry with this host; - is standard input'
            cand --turn-username 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file'
            cand --turn-password-file 'Read the password from the first line of this file; - is standard input'
            cand --turn-secret-file 'Mint time-limited credentials from the secret in the first line of this file (coturn''s use-auth-secret); --turn-username is the user in them'
            cand --interface 'Use this network interface'
            cand --local 'Send from this local address'
            cand --timeout 'End the whole command after this many seconds'
            cand --color 'Colour in the output'
            cand --config 'Read defaults from this file instead of the one in the user''s configuration directory'
            cand --no-policy 'Do not ask which peers the server''s policy allows'
            cand --json 'Print one JSON document on stdout'
            cand --jsonl 'Print JSON lines: events as they happen, the document last'
            cand -4 'IPv4 only'
            cand --ipv4 'IPv4 only'
            cand -6 'IPv6 only'
            cand --ipv6 'IPv6 only'
            cand -q 'Neither progress nor hints'
            cand --quiet 'Neither progress nor hints'
            cand -v 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand --verbose 'Show more: every observation of nat, the time of each stage of gather and turn'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_rtcdiag_global_optspecs
    string join \n json jsonl 4/ipv4 6/ipv6 interface= local= timeout= color= q/quiet v/verbose config= h/help V/version
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
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l timeout -d 'End the whole command after this many seconds' -r
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s q -l quiet -d 'Neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s v -l verbose -d 'List every observation'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -s V -l version -d 'Print version'
complete -c rtcdiag -n "__fish_rtcdiag_needs_command" -f -a "nat" -d 'Public mapping and NAT behaviour, from STUN servers'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l expect -d 'Exit with 0 only if this holds: mapping=, filtering= or udp=, several with commas' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s s -l server -d 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l ice-servers -d 'Read servers from the JSON of RTCPeerConnection\'s iceServers; - is standard input' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l interface -d 'Use this network interface' -r -f
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l local -d 'Send from this local address' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l timeout -d 'End the whole command after this many seconds' -r
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l color -d 'Colour in the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l config -d 'Read defaults from this file instead of the one in the user\'s configuration directory' -r -F
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l json -d 'Print one JSON document on stdout'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -l jsonl -d 'Print JSON lines: events as they happen, the document last'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s 4 -l ipv4 -d 'IPv4 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s 6 -l ipv6 -d 'IPv6 only'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s q -l quiet -d 'Neither progress nor hints'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s v -l verbose -d 'List every observation'
complete -c rtcdiag -n "__fish_rtcdiag_using_subcommand nat" -s h -l help -d 'Print help (see more with \'--help\')'

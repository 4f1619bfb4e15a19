
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'rtcdiag' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'rtcdiag'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'rtcdiag' {
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Use this network interface')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'Send from this local address')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole command after this many seconds [default: 10 for nat, gather and turn; none for serve]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour in the output')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read defaults from this file instead of the one in the user''s configuration directory')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document on stdout')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print JSON lines: events as they happen, the document last')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('nat', 'nat', [CompletionResultType]::ParameterValue, 'Public mapping and NAT behaviour, from STUN servers')
            [CompletionResult]::new('gather', 'gather', [CompletionResultType]::ParameterValue, 'Host, srflx and relay candidates, and per server why one is missing')
            [CompletionResult]::new('turn', 'turn', [CompletionResultType]::ParameterValue, 'Is this TURN server healthy and safe')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'The rendezvous server for `pair`')
            break
        }
        'rtcdiag;nat' {
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Exit with 0 only if this holds: mapping=, filtering= or udp=, several with commas')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port')
            [CompletionResult]::new('--ice-servers', '--ice-servers', [CompletionResultType]::ParameterName, 'Read servers from the JSON of RTCPeerConnection''s iceServers; - is standard input')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Use this network interface')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'Send from this local address')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole command after this many seconds [default: 10 for nat, gather and turn; none for serve]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour in the output')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read defaults from this file instead of the one in the user''s configuration directory')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document on stdout')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print JSON lines: events as they happen, the document last')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rtcdiag;gather' {
            [CompletionResult]::new('--policy', '--policy', [CompletionResultType]::ParameterName, 'Which candidates to gather, as iceTransportPolicy of RTCPeerConnection')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Exit with 0 only if there is such a candidate: candidates=host, srflx or relay, several with commas')
            [CompletionResult]::new('--turn-username', '--turn-username', [CompletionResultType]::ParameterName, 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file')
            [CompletionResult]::new('--turn-password-file', '--turn-password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file; - is standard input')
            [CompletionResult]::new('--turn-secret-file', '--turn-secret-file', [CompletionResultType]::ParameterName, 'Mint time-limited credentials from the secret in the first line of this file (coturn''s use-auth-secret); --turn-username is the user in them')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:, host[:port], [v6]:port')
            [CompletionResult]::new('--ice-servers', '--ice-servers', [CompletionResultType]::ParameterName, 'Read servers from the JSON of RTCPeerConnection''s iceServers; - is standard input')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Use this network interface')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'Send from this local address')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole command after this many seconds [default: 10 for nat, gather and turn; none for serve]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour in the output')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read defaults from this file instead of the one in the user''s configuration directory')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document on stdout')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print JSON lines: events as they happen, the document last')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rtcdiag;turn' {
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Exit with 0 only if the server is healthy: turn=ok')
            [CompletionResult]::new('--ice-servers', '--ice-servers', [CompletionResultType]::ParameterName, 'Take user and password from the JSON of RTCPeerConnection''s iceServers, from the entry with this host; - is standard input')
            [CompletionResult]::new('--turn-username', '--turn-username', [CompletionResultType]::ParameterName, 'User name for the TURN servers named with a URI; its password comes from the environment (see below) or --turn-password-file')
            [CompletionResult]::new('--turn-password-file', '--turn-password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file; - is standard input')
            [CompletionResult]::new('--turn-secret-file', '--turn-secret-file', [CompletionResultType]::ParameterName, 'Mint time-limited credentials from the secret in the first line of this file (coturn''s use-auth-secret); --turn-username is the user in them')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Use this network interface')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'Send from this local address')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole command after this many seconds [default: 10 for nat, gather and turn; none for serve]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour in the output')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read defaults from this file instead of the one in the user''s configuration directory')
            [CompletionResult]::new('--no-policy', '--no-policy', [CompletionResultType]::ParameterName, 'Do not ask which peers the server''s policy allows')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document on stdout')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print JSON lines: events as they happen, the document last')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'rtcdiag;serve' {
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Listen here, repeatable (or several with commas): ADDRESS:PORT, or ADDRESS for port 7880 [default: port 7880 of all addresses, IPv6 and IPv4]')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'Speak TLS (wss://) with the certificates in this PEM file: the server''s own, then those that lead to its issuer')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'The private key of that certificate, a PEM file without a password')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Open connections in all')
            [CompletionResult]::new('--max-connections-per-address', '--max-connections-per-address', [CompletionResultType]::ParameterName, 'Open connections from one address (IPv6: from one /64)')
            [CompletionResult]::new('--max-joins-per-address', '--max-joins-per-address', [CompletionResultType]::ParameterName, 'Joins from one address in a second; five seconds'' worth may come at once')
            [CompletionResult]::new('--max-rooms', '--max-rooms', [CompletionResultType]::ParameterName, 'Open rooms')
            [CompletionResult]::new('--room-lifetime', '--room-lifetime', [CompletionResultType]::ParameterName, 'Close a room after this many seconds')
            [CompletionResult]::new('--max-message', '--max-message', [CompletionResultType]::ParameterName, 'Size of a message [default: the largest that pair sends]')
            [CompletionResult]::new('--max-messages-per-room', '--max-messages-per-room', [CompletionResultType]::ParameterName, 'Messages in one room in a second; five seconds'' worth may come at once')
            [CompletionResult]::new('--max-bytes-per-room', '--max-bytes-per-room', [CompletionResultType]::ParameterName, 'Bytes in one room in a second; five seconds'' worth may come at once')
            [CompletionResult]::new('--max-queue', '--max-queue', [CompletionResultType]::ParameterName, 'Bytes that may wait for one client before it is dropped as too slow')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'From the connection to the whole HTTP request, TLS handshake included')
            [CompletionResult]::new('--join-timeout', '--join-timeout', [CompletionResultType]::ParameterName, 'From there to the join')
            [CompletionResult]::new('--ping-interval', '--ping-interval', [CompletionResultType]::ParameterName, 'Ping clients this often')
            [CompletionResult]::new('--silence-timeout', '--silence-timeout', [CompletionResultType]::ParameterName, 'Drop a client that was silent for so long')
            [CompletionResult]::new('--write-timeout', '--write-timeout', [CompletionResultType]::ParameterName, 'Drop a client that does not take a message in this time')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Use this network interface')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'Send from this local address')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole command after this many seconds [default: 10 for nat, gather and turn; none for serve]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour in the output')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read defaults from this file instead of the one in the user''s configuration directory')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document on stdout')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print JSON lines: events as they happen, the document last')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Neither progress nor hints')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more: every observation of nat, the time of each stage of gather and turn, each join of serve')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}

#!/usr/bin/env python3
"""Has Chromium read offers in which one line was bent: blanks, tabs, lines that stand twice or in another place, names,
groups, tracks, layers and codecs of one section.

Run by hand where chromium and chromium-driver are installed; the tests read what it has written:

    python3 tests/browser/record_forms.py tests/browser/chromium_form_answers.json.gz

Only loopback is used: no ICE server is configured.
"""

import re
import sys

from record_answers import OFFER, Browser, answer, save

PRINT = ":".join(["AB"] * 32)
SESSION = ["v=0", "o=- 4611 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
RID = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"


def transport(print_=PRINT):
    return ["c=IN IP4 0.0.0.0", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuv12",
            f"a=fingerprint:sha-256 {print_}", "a=setup:actpass"]


def section(kind, mid, formats, *lines, protocol="UDP/TLS/RTP/SAVPF", port="9", print_=PRINT):
    head = [f"m={kind} {port} {protocol} {formats}", *transport(print_), f"a=mid:{mid}"]
    return head + (["a=sendrecv", "a=rtcp-mux"] if kind != "application" else []) + list(lines)


def audio(mid, *lines, formats="111", **more):
    return section("audio", mid, formats, "a=rtpmap:111 opus/48000/2", *lines, **more)


def video(*lines, formats="96", **more):
    return section("video", 1, formats, "a=rtpmap:96 VP8/90000", *lines, **more)


def codecs(formats, *maps, kind="audio"):
    return section(kind, 0, formats, *maps)


def data(protocol):
    return section("application", 2, "webrtc-datachannel", "a=sctp-port:5000", protocol=protocol)


def group(*mids):
    return f"a=group:BUNDLE {' '.join(mids)}"


GROUP = [group("0", "1", "2"), "a=extmap-allow-mixed", "a=msid-semantic: WMS *"]
MEDIA = [
    *audio(0, "a=fmtp:111 minptime=10", "a=rtcp-fb:111 transport-cc",
           "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=msid:s t", "a=ssrc:1 cname:x",
           "a=candidate:1 1 udp 2122260223 203.0.113.5 5000 typ host", "a=ptime:20", "b=AS:100", formats="111 0"),
    *video("a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=rid:h send", "a=rid:l send", "a=simulcast:send h;l", RID,
           "a=ssrc:2 cname:x", "a=ssrc:3 cname:x", "a=ssrc-group:FID 2 3", formats="96 97"),
    *data("UDP/DTLS/SCTP"), "a=max-message-size:262144",
]
WHOLE = SESSION + GROUP + MEDIA


def lines():
    """Each line with another blank, and twice."""
    for at, line in enumerate(WHOLE):
        before, behind = WHOLE[:at], WHOLE[at + 1:]
        yield f"blank behind {at} {line[:20]}", before + [line + " "] + behind
        if " " in line:
            yield f"tab in {at} {line[:20]}", before + [line.replace(" ", "\t", 1)] + behind
            yield f"two blanks in {at} {line[:20]}", before + [line.replace(" ", "  ", 1)] + behind
        if at >= len(SESSION) and not line.startswith("m="):
            yield f"twice {at} {line[:20]}", before + [line, line] + behind


def places():
    for line in ["i=x", "u=x", "e=x", "p=x", "c=IN IP4 0.0.0.0", "b=AS:1", "t=0 0", "r=1 2 3", "z=0 0", "k=clear:x",
                 "s=-", SESSION[1]]:
        yield f"{line} behind a=", SESSION + GROUP + [line] + MEDIA
        early, late = ([line] * 2, []) if line[0] in "iuepcb" else ([], [line] * 2)
        yield f"{line} twice", SESSION[:3] + early + SESSION[3:] + late + GROUP + MEDIA
    yield "t= behind r=", SESSION + ["r=1 2 3", "t=0 0", "r=1 2 3"] + GROUP + MEDIA
    for line in ["i=", "i= ", "a=", "b=", "e= x", "V=0", "x=y"]:
        yield f"'{line}' in the session", SESSION[:3] + [line] + SESSION[3:] + GROUP + MEDIA
        yield f"'{line}' in a section", [*WHOLE, line]
    for name in ["s=", "s= ", "s=  "]:
        yield f"'{name}'", [name if line == "s=-" else line for line in WHOLE]
    yield "seven fields in o=", [line + " x" if line[0] == "o" else line for line in WHOLE]
    yield "ports in m=", [line.replace("audio 9 ", "audio 9/2 ") for line in WHOLE]
    yield "two fingerprints of the session", SESSION + [transport()[3]] * 2 + WHOLE[4:]
    yield "extmap of the session and of a section", SESSION + ["a=extmap:5 urn:x"] + WHOLE[4:]


def names():
    two = SESSION + [group("0", "1")]
    for name, first, second in [
        ("same stream, other track", ["s t"], ["s u"]), ("other stream, same track", ["s t"], ["r t"]),
        ("no stream, same track", ["- t"], ["- t"]), ("same stream, no track", ["s"], ["s"]),
        ("two streams", ["s t", "r t"], []), ("second of two streams", ["s t", "r t"], ["r t"]),
        ("first of two streams", ["s t", "r t"], ["s t"]), ("both of two streams", ["s t", "r t"], ["s t", "r t"]),
        ("two streams in another order", ["s t", "r t"], ["r t", "s t"]),
        ("same twice in one section", ["s t", "s t"], []), ("no track, then one", ["s", "r t"], []),
        ("a track, then none", ["s t", "r"], []), ("two tracks", ["s t", "r u"], []), ("all the same", ["s t"], ["s t"]),
    ]:
        of = [[f"a=msid:{msid}" for msid in side] for side in (first, second)]
        yield f"msid: {name}", two + audio(0, *of[0]) + audio(1, *of[1])
    yield "msid: of sources", two + audio(0, "a=ssrc:5 msid:s t") + audio(1, "a=ssrc:6 msid:s t")
    yield "msid: of a section and a source", two + audio(0, "a=msid:s t") + audio(1, "a=ssrc:6 msid:s t")
    yield "msid: in a refused section", SESSION + [group("0")] + audio(0, "a=msid:s t") + audio(
        1, "a=msid:s t", port="0")
    yield "groups: apart", SESSION + [group("0"), group("1")] + audio(0) + audio(1)
    yield "groups: one mid in both", SESSION + [group("0", "1"), group("1")] + audio(0) + audio(1)
    yield "groups: a mid twice", SESSION + [group("0", "0", "1")] + audio(0) + audio(1)
    yield "groups: another kind", [*two, "a=group:LS 0 1"] + audio(0) + audio(1)
    yield "groups: empty", SESSION + ["a=group:BUNDLE"] + audio(0)
    for mid in ["a:b", "a(b", "a/b", "é", "a+b", "{a}", "a~", "a@b", "a,b"]:
        yield f"mid {mid}", SESSION + [group(mid)] + audio(mid)
        yield f"mid {mid} without a group", SESSION + audio(mid)
    yield "other fingerprints in one bundle", two + audio(0) + audio(1, print_=":".join(["CD"] * 32))


def layers():
    one = SESSION + [group("1")]
    both = ["a=rid:h send", "a=rid:l send"]
    for name, lines in [
        ("two layers", both + ["a=simulcast:send h;l"]), ("one layer", ["a=rid:h send", "a=simulcast:send h"]),
        ("received", ["a=rid:h recv", "a=rid:l recv", "a=simulcast:recv h;l"]),
        ("unknown", ["a=simulcast:send h;l"]), ("inactive", both + ["a=simulcast:send h;l", "a=inactive"]),
        ("other way", ["a=rid:h recv", "a=rid:l recv", "a=simulcast:send h;l"]),
        ("one of them the other way", ["a=rid:h recv", "a=rid:l send", "a=simulcast:send h;l"]),
        ("twice", both + ["a=simulcast:send h;l", "a=simulcast:send h"]),
        ("twice, unknown", ["a=simulcast:send h;l", "a=simulcast:send h"]), ("rids alone", both),
    ]:
        yield f"layers: {name}", one + video(*lines)
        yield f"layers: {name}, told apart", one + video(*lines, RID)
    yield "layers: told apart in the session", [*one, RID] + video(*both, "a=simulcast:send h;l")
    yield "layers: refused", one + video(*both, "a=simulcast:send h;l", port="0")


def media():
    base = SESSION + [group("0")]
    high = "a=fmtp:102 packetization-mode=1;profile-level-id="
    for formats, *maps in [
        ("111", "opus/44100/2"), ("111", "opus/48000"), ("111 101", "opus/44100/2", "telephone-event/8000"),
        ("111 63", "opus/44100/2", "red/48000/2"), ("0", "PCMU/16000"), ("0 8", "PCMU/16000", "PCMA/8000"),
        ("0", "PCMU/8000/2"), ("96", "PCMU/16000"), ("96", "PCMU/8000"), ("9", "G722/16000"), ("96", "G722/16000"),
        ("18", "G729/8000"), ("97", "AMR/8000"), ("0 0", "PCMU/8000"), ("111 111", "opus/48000/2"),
    ]:
        mapped = [f"a=rtpmap:{number} {name}" for number, name in zip(formats.split(), maps)]
        yield f"audio {formats} {maps}", base + codecs(formats, *mapped)
    for formats, *lines_ in [
        ("102", "a=rtpmap:102 H264/90000", f"{high}42e0"), ("102", "a=rtpmap:102 H264/90000", f"{high}42e01f"),
        ("102", "a=rtpmap:102 H264/90000", "a=fmtp:102 profile-level-id=42e01f;packetization-mode=2"),
        ("102 103", "a=rtpmap:102 H264/90000", f"{high}42e0", "a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=102"),
        ("102", "a=rtpmap:102 theora/90000"), ("34", "a=rtpmap:34 H263/90000"), ("96 96", "a=rtpmap:96 VP8/90000"),
    ]:
        yield f"video {formats} {lines_}", base + codecs(formats, *lines_, kind="video")
    red = ["a=rtpmap:63 red/48000/2", "a=fmtp:63 112/112", "a=rtpmap:111 opus/48000/2"]
    yield "red of what is not listed", base + codecs("63 111", *red)
    for protocol in ["SCTP/DTLS", "TCP/TLS/SCTP", "SCTP", "DTLS/SCTP", "TCP/DTLS/SCTP", "UDP/SCTP"]:
        yield f"data over {protocol}", SESSION + [group("2")] + data(protocol)
    for protocol in ["AVP", "RTP/AVP", "TLS/RTP/SAVPF", "UDP/TLS/RTP/AVP"]:
        yield f"audio over {protocol}", base + audio(0, protocol=protocol)
    for candidate in ["1 0 udp 1 192.0.2.1 5000 typ host", "1 257 udp 1 192.0.2.1 5000 typ host",
                      "1 1 udp 1 192.0.2.1 5000 typ srflx", "1 1 tcp 1 192.0.2.1 9 typ host",
                      "1 1 udp 1 0.0.0.0 5000 typ host", "1 1 udp 0 192.0.2.1 5000 typ host"]:
        yield f"candidate {candidate}", base + audio(0, f"a=candidate:{candidate}")


def main():
    path = sys.argv[1]
    made = [{"name": "as it is", "tracks": False, "offer": "\r\n".join(WHOLE) + "\r\n"}]
    for family in (lines, places, names, layers, media):
        made += [{"name": name, "tracks": False, "offer": "\r\n".join(offer) + "\r\n"} for name, offer in family()]
    browser = Browser()
    try:
        agent = browser.run(OFFER)["agent"]
        answer(browser, made)
    finally:
        browser.close()
    version = re.search(r"Chrome/(\d+)", agent)
    document = {"browser": f"Chromium {version[1]}", "records": made}
    save(path, document)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Has Chromium answer offers that were bent, and records what it says.

Run by hand where chromium and chromium-driver are installed; the tests read what it has written:

    python3 tests/browser/record_answers.py tests/browser/chromium_answers.json.gz
    python3 tests/browser/record_answers.py --more tests/browser/chromium_more_answers.json.gz
    python3 tests/browser/record_answers.py --sources tests/browser/chromium_source_answers.json.gz

The second has offers that were bent in ways found later, the third sources and groups of them; webrtc-rs has answered the first alone. Each record has the name of what was bent, the offer, whether the page had tracks of its own, and the
answer or the error. Only loopback is used: no ICE server is configured, and candidates are taken out.
"""

import gzip
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ANSWER = r"""
const [offers, done] = arguments;
function tracks() {
  const canvas = document.createElement('canvas');
  canvas.getContext('2d');
  const audio = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  return [audio, canvas.captureStream(1).getVideoTracks()[0]];
}
async function answer(offer) {
  const pc = new RTCPeerConnection();
  try {
    if (offer.tracks) for (const track of tracks()) pc.addTrack(track, new MediaStream());
    await pc.setRemoteDescription({type: 'offer', sdp: offer.offer});
    const answer = await pc.createAnswer();
    await pc.setLocalDescription(answer);
    return {answer: answer.sdp};
  } catch (error) {
    return {error: error.message};
  } finally {
    pc.close();
  }
}
(async () => {
  const out = [];
  for (const offer of offers) out.push(await answer(offer));
  done(out);
})();
"""

OFFER = r"""
const done = arguments[0];
(async () => {
  const pc = new RTCPeerConnection();
  pc.addTransceiver('audio');
  pc.addTransceiver('video');
  pc.createDataChannel('x');
  const offer = await pc.createOffer();
  pc.close();
  const kinds = ['audio', 'video'];
  const capabilities = Object.fromEntries(kinds.map((kind) => [kind, RTCRtpReceiver.getCapabilities(kind).codecs]));
  done({sdp: offer.sdp, capabilities, agent: navigator.userAgent});
})();
"""


class Browser:
    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL)
        time.sleep(2)
        profile = tempfile.mkdtemp(prefix="record-answers-")
        args = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
                "disable-background-networking", "disable-component-update", "disable-sync",
                f"user-data-dir={profile}"]
        options = {"goog:chromeOptions": {"args": ["--" + arg for arg in args]}, "timeouts": {"script": 300000}}
        session = self.post("/session", {"capabilities": {"alwaysMatch": options}})
        self.session = session["sessionId"]
        self.post(f"/session/{self.session}/url", {"url": "about:blank"})

    def post(self, path, body, method="POST"):
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.load(answer)["value"]

    def run(self, script, *args):
        return self.post(f"/session/{self.session}/execute/async", {"script": script, "args": list(args)})

    def close(self):
        self.post(f"/session/{self.session}", None, "DELETE")
        self.driver.terminate()
        self.driver.wait()


# An offer as a list of parts: the session, then each section, each a list of lines.


def parts_of(sdp):
    parts = [[]]
    for line in sdp.replace("\r\n", "\n").strip("\n").split("\n"):
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line)
    return parts


def text_of(parts, end="\r\n"):
    return end.join(line for part in parts for line in part) + end


def kind(part):
    return part[0][2:].split()[0]


def section(parts, which):
    return next((part for part in parts[1:] if kind(part) == which), None)


def without(part, pattern):
    part[:] = [part[0]] + [line for line in part[1:] if not re.match(pattern, line)]


def without_in_all(pattern):
    def bend(parts, _):
        for part in parts:
            without(part, pattern)
    return bend


def set_line(part, pattern, line):
    at = next((at for at, old in enumerate(part) if re.match(pattern, old)), None)
    if at is None:
        part.append(line)
    else:
        part[at] = line


def replaced(pattern, new, which=None):
    def bend(parts, _):
        for part in parts[1:]:
            if which is None or kind(part) == which:
                part[:] = [re.sub(pattern, new, line) for line in part]
    return bend


def codecs(part):
    return part[0].split()[3:]


def set_codecs(part, payloads):
    head = part[0].split()[:3]
    part[0] = " ".join(head + payloads)
    part[:] = [line for line in part
               if not (found := re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+)", line)) or found[1] in payloads]


def only(which, *names):
    """Keeps the codecs with these names (and parameters), in this order."""
    def bend(parts, _):
        part = section(parts, which)
        kept = []
        for name in names:
            for payload in codecs(part):
                lines = [line for line in part if re.match(rf"a=(rtpmap|fmtp):{payload} ", line)]
                if re.search(name, " ".join(lines), re.I) and payload not in kept:
                    kept.append(payload)
        set_codecs(part, kept)
    return bend


def codec_lines(which, *entries):
    """Has these codecs instead: payload type, rtpmap, fmtp."""
    def bend(parts, _):
        part = section(parts, which)
        set_codecs(part, [])
        part[0] += "".join(f" {entry[0]}" for entry in entries)
        for payload, rtpmap, *fmtp in entries:
            if rtpmap:
                part.append(f"a=rtpmap:{payload} {rtpmap}")
            part.extend(f"a=fmtp:{payload} {text}" for text in fmtp)
    return bend


def shuffled(parts, rng):
    for part in parts[1:]:
        if kind(part) != "application":
            payloads = codecs(part)
            rng.shuffle(payloads)
            set_codecs(part, payloads)


def some(parts, rng):
    for part in parts[1:]:
        if kind(part) != "application":
            payloads = codecs(part)
            set_codecs(part, rng.sample(payloads, rng.randint(1, min(6, len(payloads)))))


def direction(value, which=None):
    def bend(parts, _):
        for part in parts[1:]:
            if kind(part) != "application" and (which is None or kind(part) == which):
                without(part, r"a=(sendrecv|sendonly|recvonly|inactive)$")
                if value:
                    part.append(f"a={value}")
    return bend


def session_line(pattern, line):
    def bend(parts, _):
        set_line(parts[0], pattern, line)
    return bend


def media_line(which, pattern, line):
    def bend(parts, _):
        for part in parts[1:]:
            if which is None or kind(part) == which:
                set_line(part, pattern, line)
    return bend


def proto(which, value):
    def bend(parts, _):
        for part in parts[1:]:
            if kind(part) == which:
                fields = part[0].split()
                fields[2] = value
                part[0] = " ".join(fields)
    return bend


def port(which, value):
    def bend(parts, _):
        for part in parts[1:]:
            if kind(part) == which:
                fields = part[0].split()
                fields[1] = value
                part[0] = " ".join(fields)
    return bend


def drop(*which):
    def bend(parts, _):
        parts[1:] = [part for part in parts[1:] if kind(part) not in which]
        mids = [line[6:] for part in parts[1:] for line in part if line.startswith("a=mid:")]
        set_line(parts[0], "a=group:BUNDLE", "a=group:BUNDLE " + " ".join(mids))
    return bend


def again(which, mid):
    def bend(parts, _):
        part = list(section(parts, which))
        set_line(part, "a=mid:", f"a=mid:{mid}")
        without(part, "a=(ssrc|msid)")
        parts.append(part)
        parts[0][:] = [line + f" {mid}" if line.startswith("a=group:BUNDLE") else line for line in parts[0]]
    return bend


def reordered(parts, rng):
    sections = parts[1:]
    rng.shuffle(sections)
    parts[1:] = sections


def other_kind(line, *rest):
    def bend(parts, _):
        parts.append([line, "c=IN IP4 0.0.0.0", *rest])
    return bend


def to_session(pattern):
    def bend(parts, _):
        found = [line for line in parts[1] if re.match(pattern, line)]
        for part in parts[1:]:
            without(part, pattern)
        parts[0].extend(found)
    return bend


def sip(parts, _):
    """As a phone without ICE and DTLS offers."""
    parts[:] = [
        ["v=0", "o=phone 1 1 IN IP4 192.0.2.5", "s=call", "c=IN IP4 192.0.2.5", "t=0 0"],
        ["m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
         "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=sendrecv"],
    ]


def old_data(parts, _):
    part = section(parts, "application")
    part[0] = "m=application 9 DTLS/SCTP 5000"
    without(part, "a=(sctp-port|max-message-size)")
    part.append("a=sctpmap:5000 webrtc-datachannel 1024")


def h264(plid, mode):
    fmtp = ";".join(text for text in [mode and f"packetization-mode={mode}", plid and f"profile-level-id={plid}"] if text)
    return (f"h264 {plid} {mode}", codec_lines("video", (102, "H264/90000", *([fmtp] if fmtp else []))))


MUTATIONS = [
    ("as it is", lambda parts, rng: None),
    ("opus only", only("audio", "opus")),
    ("PCMA first", only("audio", "PCMA", "PCMU", "opus")),
    ("telephone-event only", only("audio", "telephone-event/8000")),
    ("CN only", only("audio", "CN")),
    ("red first", only("audio", "red", "opus")),
    ("red without opus", only("audio", "red")),
    ("opus mono", codec_lines("audio", (111, "opus/48000"))),
    ("opus one channel", codec_lines("audio", (111, "opus/48000/1"))),
    ("opus 16 kHz", codec_lines("audio", (111, "opus/16000/2"))),
    ("opus in capitals", codec_lines("audio", (111, "OPUS/48000/2"))),
    ("opus with parameters", codec_lines("audio", (96, "opus/48000/2", "stereo=1; maxaveragebitrate=32000;cbr=1"))),
    ("PCMU without rtpmap", codec_lines("audio", (0, ""))),
    ("PCMA and G722 without rtpmap", codec_lines("audio", (9, ""), (8, ""))),
    ("GSM without rtpmap", codec_lines("audio", (3, ""))),
    ("G729", codec_lines("audio", (18, "G729/8000"))),
    ("G729 and PCMU", codec_lines("audio", (18, "G729/8000"), (0, "PCMU/8000"))),
    ("iLBC and speex", codec_lines("audio", (97, "iLBC/8000"), (98, "speex/16000"))),
    ("L16", codec_lines("audio", (97, "L16/48000/2"))),
    ("G722 at 16 kHz", codec_lines("audio", (9, "G722/16000"))),
    ("PCMU at 16 kHz", codec_lines("audio", (97, "PCMU/16000"))),
    ("PCMU with another payload type", codec_lines("audio", (97, "PCMU/8000"))),
    ("PCMU in stereo", codec_lines("audio", (97, "PCMU/8000/2"))),
    ("AMR-WB", codec_lines("audio", (97, "AMR-WB/16000"))),
    ("multiopus", codec_lines("audio", (97, "multiopus/48000/6", "channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2"))),
    ("telephone-event first", codec_lines("audio", (101, "telephone-event/8000"), (0, "PCMU/8000"))),
    ("dynamic without rtpmap", codec_lines("audio", (111, ""), (0, "PCMU/8000"))),
    ("only dynamic without rtpmap", codec_lines("audio", (111, ""))),
    ("VP8 only", only("video", "VP8")),
    ("VP9 only", only("video", "VP9")),
    ("VP9 before VP8", only("video", "VP9", "VP8")),
    ("AV1 first", only("video", "AV1", "VP8")),
    ("H264 only", only("video", "H264")),
    ("rtx only", only("video", "rtx")),
    ("red and ulpfec only", only("video", "red", "ulpfec")),
    ("red first in video", only("video", "red", "ulpfec", "VP8")),
    ("ulpfec first", only("video", "ulpfec", "VP8")),
    ("rtx first", codec_lines("video", (97, "rtx/90000", "apt=96"), (96, "VP8/90000"))),
    ("rtx of what is not offered", codec_lines("video", (97, "rtx/90000", "apt=99"), (96, "VP8/90000"))),
    ("rtx without apt", codec_lines("video", (96, "VP8/90000"), (97, "rtx/90000"))),
    ("vp8 in small letters", codec_lines("video", (96, "vp8/90000"))),
    ("VP8 at another clock", codec_lines("video", (96, "VP8/9000"))),
    ("VP8 in the low range", codec_lines("video", (35, "VP8/90000"))),
    ("VP8 as 70", codec_lines("video", (70, "VP8/90000"))),
    ("VP8 as 127", codec_lines("video", (127, "VP8/90000"))),
    ("VP8 as 128", codec_lines("video", (128, "VP8/90000"))),
    ("VP9 without profile", codec_lines("video", (98, "VP9/90000"))),
    ("VP9 profile 1", codec_lines("video", (98, "VP9/90000", "profile-id=1"))),
    ("VP9 profile 2", codec_lines("video", (98, "VP9/90000", "profile-id=2"))),
    ("VP9 profile 3", codec_lines("video", (98, "VP9/90000", "profile-id=3"))),
    ("VP9 profile 7", codec_lines("video", (98, "VP9/90000", "profile-id=7"))),
    ("VP9 profile text", codec_lines("video", (98, "VP9/90000", "profile-id=x"))),
    ("AV1 without parameters", codec_lines("video", (45, "AV1/90000"))),
    ("AV1 profile 1", codec_lines("video", (45, "AV1/90000", "level-idx=5;profile=1;tier=0"))),
    ("AV1 profile 2", codec_lines("video", (45, "AV1/90000", "level-idx=5;profile=2;tier=0"))),
    ("AV1 tier 1", codec_lines("video", (45, "AV1/90000", "level-idx=5;profile=0;tier=1"))),
    ("AV1 level 13", codec_lines("video", (45, "AV1/90000", "level-idx=13;profile=0;tier=0"))),
    ("AV1X", codec_lines("video", (45, "AV1X/90000"))),
    ("H265", codec_lines("video", (49, "H265/90000", "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"))),
    ("H263", codec_lines("video", (34, "H263/90000"))),
    ("H263 without rtpmap", codec_lines("video", (34, ""))),
    ("MPEG and VP8", codec_lines("video", (33, ""), (96, "VP8/90000"))),
    ("H264 in small letters", codec_lines("video", (102, "h264/90000", "packetization-mode=1;profile-level-id=42e01f"))),
    ("H264 in capitals", codec_lines("video", (102, "H264/90000", "packetization-mode=1;profile-level-id=42E01F"))),
    ("H264 with blanks", codec_lines("video", (102, "H264/90000", "packetization-mode=1; profile-level-id=42e01f; level-asymmetry-allowed=1"))),
    ("H264 with sprop", codec_lines("video", (102, "H264/90000", "packetization-mode=1;profile-level-id=42e01f;sprop-parameter-sets=Z0LgH5WgUAW7ARAAAD6AAA6mDgAE,aM48gA=="))),
    ("H264-SVC", codec_lines("video", (102, "H264-SVC/90000", "packetization-mode=1;profile-level-id=42e01f"))),
    ("H264 high then base", codec_lines("video", (100, "H264/90000", "packetization-mode=1;profile-level-id=640c1f"), (102, "H264/90000", "packetization-mode=1;profile-level-id=42e01f"))),
    *[h264(plid, mode) for plid in ["42e01f", "42001f", "4d001f", "640c1f", "640032", "64001f", "42e00a", "42e033", "58a01f", "f4001f", "42c01f", "4d401f", "42801f", "42f01f", "xyz", "42e0", "0", ""] for mode in ["1"]],
    *[h264(plid, mode) for plid in ["42e01f", "4d001f", "640c1f", ""] for mode in ["0", "", "2"]],
    ("both have 96", replaced(r"^(m=audio .*) 111\b|a=(rtpmap|fmtp|rtcp-fb):111 ", lambda f: f"{f[1]} 96" if f[1] else f"a={f[2]}:96 ", "audio")),
    ("no codec in audio", only("audio")),
    ("no codec in video", only("video")),
    ("recvonly", direction("recvonly")),
    ("sendonly", direction("sendonly")),
    ("inactive", direction("inactive")),
    ("no direction", direction("")),
    ("sendonly video", direction("sendonly", "video")),
    ("direction of the session", lambda parts, rng: (direction("")(parts, rng), parts[0].append("a=sendonly"))),
    ("two directions", lambda parts, rng: section(parts, "audio").append("a=recvonly")),
    ("port 0 audio", port("audio", "0")),
    ("port 0 video", port("video", "0")),
    ("port 0 data", port("application", "0")),
    ("port 0 but bundle-only", lambda parts, rng: (port("video", "0")(parts, rng), section(parts, "video").append("a=bundle-only"))),
    ("port 5000", port("audio", "5000")),
    ("port 99999", port("audio", "99999")),
    ("ports 5000/2", port("audio", "5000/2")),
    ("no BUNDLE", lambda parts, rng: without(parts[0], "a=group:BUNDLE")),
    ("BUNDLE of audio alone", session_line("a=group:BUNDLE", "a=group:BUNDLE 0")),
    ("BUNDLE without the first", session_line("a=group:BUNDLE", "a=group:BUNDLE 1 2")),
    ("BUNDLE of unknown mid", session_line("a=group:BUNDLE", "a=group:BUNDLE 0 1 2 7")),
    ("BUNDLE of nothing", session_line("a=group:BUNDLE", "a=group:BUNDLE")),
    ("two BUNDLE groups", lambda parts, rng: (session_line("a=group:BUNDLE", "a=group:BUNDLE 0 1")(parts, rng), parts[0].append("a=group:BUNDLE 2"))),
    ("LS group", lambda parts, rng: parts[0].append("a=group:LS 0 1")),
    ("no mid", lambda parts, rng: (without_in_all("a=mid:")(parts, rng), without(parts[0], "a=group"))),
    ("no mid, but BUNDLE", without_in_all("a=mid:")),
    ("same mid twice", media_line("video", "a=mid:", "a=mid:0")),
    ("long mid", lambda parts, rng: (media_line("audio", "a=mid:", "a=mid:aaaaaaaaaaaaaaaaaaaaaaaa")(parts, rng), session_line("a=group:BUNDLE", "a=group:BUNDLE aaaaaaaaaaaaaaaaaaaaaaaa 1 2")(parts, rng))),
    ("no rtcp-mux", without_in_all("a=rtcp-mux")),
    ("no rtcp-mux in audio", lambda parts, rng: without(section(parts, "audio"), "a=rtcp-mux")),
    ("no rtcp-mux, no BUNDLE", lambda parts, rng: (without_in_all("a=rtcp-mux")(parts, rng), without(parts[0], "a=group:BUNDLE"))),
    ("rtcp-mux-only", media_line("audio", "a=rtcp-mux-only", "a=rtcp-mux-only")),
    ("no rtcp-rsize", without_in_all("a=rtcp-rsize")),
    ("no rtcp-fb", without_in_all("a=rtcp-fb")),
    ("setup active", media_line(None, "a=setup:", "a=setup:active")),
    ("setup passive", media_line(None, "a=setup:", "a=setup:passive")),
    ("setup holdconn", media_line(None, "a=setup:", "a=setup:holdconn")),
    ("setup wrong", media_line(None, "a=setup:", "a=setup:sometimes")),
    ("setup mixed", media_line("video", "a=setup:", "a=setup:active")),
    ("no setup", without_in_all("a=setup:")),
    ("setup of the session", to_session("a=setup:")),
    ("no fingerprint", without_in_all("a=fingerprint:")),
    ("no fingerprint in video", lambda parts, rng: without(section(parts, "video"), "a=fingerprint:")),
    ("fingerprint of the session", to_session("a=fingerprint:")),
    ("fingerprint sha-1", media_line(None, "a=fingerprint:", "a=fingerprint:sha-1 " + ":".join(["AB"] * 20))),
    ("fingerprint sha-512", media_line(None, "a=fingerprint:", "a=fingerprint:sha-512 " + ":".join(["AB"] * 64))),
    ("fingerprint md5", media_line(None, "a=fingerprint:", "a=fingerprint:md5 " + ":".join(["AB"] * 16))),
    ("fingerprint unknown", media_line(None, "a=fingerprint:", "a=fingerprint:sha-3 " + ":".join(["AB"] * 32))),
    ("fingerprint too short", media_line(None, "a=fingerprint:", "a=fingerprint:sha-256 " + ":".join(["AB"] * 31))),
    ("fingerprint in small letters", media_line(None, "a=fingerprint:", "a=fingerprint:sha-256 " + ":".join(["ab"] * 32))),
    ("fingerprint without colons", media_line(None, "a=fingerprint:", "a=fingerprint:sha-256 " + "AB" * 32)),
    ("fingerprint SHA-256 in capitals", media_line(None, "a=fingerprint:", "a=fingerprint:SHA-256 " + ":".join(["AB"] * 32))),
    ("fingerprint without value", media_line(None, "a=fingerprint:", "a=fingerprint:sha-256")),
    ("no ufrag", without_in_all("a=ice-ufrag:")),
    ("no ICE", without_in_all("a=ice-(ufrag|pwd):")),
    ("no ICE in video", lambda parts, rng: without(section(parts, "video"), "a=ice-(ufrag|pwd)")),
    ("ICE of the session", to_session("a=ice-(ufrag|pwd):")),
    ("short pwd", media_line(None, "a=ice-pwd:", "a=ice-pwd:short")),
    ("short ufrag", media_line(None, "a=ice-ufrag:", "a=ice-ufrag:abc")),
    ("ufrag with a minus", media_line(None, "a=ice-ufrag:", "a=ice-ufrag:ab-c")),
    ("ufrag of 257", media_line(None, "a=ice-ufrag:", "a=ice-ufrag:" + "a" * 257)),
    ("other ufrag in video", media_line("video", "a=ice-ufrag:", "a=ice-ufrag:abcd")),
    ("ice-lite", lambda parts, rng: parts[0].append("a=ice-lite")),
    ("ice2 only", media_line(None, "a=ice-options:", "a=ice-options:ice2")),
    ("RTP/AVP", lambda parts, rng: (proto("audio", "RTP/AVP")(parts, rng), proto("video", "RTP/AVP")(parts, rng))),
    ("RTP/AVPF", proto("audio", "RTP/AVPF")),
    ("RTP/SAVP", proto("audio", "RTP/SAVP")),
    ("RTP/SAVPF", lambda parts, rng: (proto("audio", "RTP/SAVPF")(parts, rng), proto("video", "RTP/SAVPF")(parts, rng))),
    ("UDP/TLS/RTP/SAVP", proto("audio", "UDP/TLS/RTP/SAVP")),
    ("TCP/TLS/RTP/SAVPF", proto("audio", "TCP/TLS/RTP/SAVPF")),
    ("TCP/DTLS/RTP/SAVPF", proto("audio", "TCP/DTLS/RTP/SAVPF")),
    ("RTP/UNKNOWN", proto("audio", "RTP/UNKNOWN")),
    ("nonsense", proto("audio", "NONSENSE")),
    ("SRTP with SDES", lambda parts, rng: (proto("audio", "RTP/SAVPF")(parts, rng), without_in_all("a=fingerprint:")(parts, rng), section(parts, "audio").append("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"))),
    ("SDES beside DTLS", lambda parts, rng: section(parts, "audio").append("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR")),
    ("old data channel", old_data),
    ("DTLS/SCTP", proto("application", "DTLS/SCTP")),
    ("TCP/DTLS/SCTP", proto("application", "TCP/DTLS/SCTP")),
    ("SCTP", proto("application", "SCTP")),
    ("data over RTP", lambda parts, rng: section(parts, "application").__setitem__(0, "m=application 9 UDP/TLS/RTP/SAVPF 101")),
    ("no sctp-port", without_in_all("a=sctp-port")),
    ("sctp-port 0", media_line("application", "a=sctp-port", "a=sctp-port:0")),
    ("sctp-port 70000", media_line("application", "a=sctp-port", "a=sctp-port:70000")),
    ("max-message-size 0", media_line("application", "a=max-message-size", "a=max-message-size:0")),
    ("no max-message-size", without_in_all("a=max-message-size")),
    ("other data protocol", lambda parts, rng: section(parts, "application").__setitem__(0, "m=application 9 UDP/DTLS/SCTP something-else")),
    ("extmap twice", lambda parts, rng: section(parts, "audio").append("a=extmap:1 urn:ietf:params:rtp-hdrext:toffset")),
    ("extmap 0", lambda parts, rng: section(parts, "audio").append("a=extmap:0 urn:x")),
    ("extmap 15", lambda parts, rng: section(parts, "audio").append("a=extmap:15 urn:x")),
    ("extmap 300", lambda parts, rng: section(parts, "audio").append("a=extmap:300 urn:x")),
    ("extmap text", lambda parts, rng: section(parts, "audio").append("a=extmap:x urn:x")),
    ("no extmap", without_in_all("a=extmap")),
    ("extmap with direction", lambda parts, rng: section(parts, "audio").append("a=extmap:9/recvonly urn:x")),
    ("audio only", drop("video", "application")),
    ("video only", drop("audio", "application")),
    ("data only", drop("audio", "video")),
    ("nothing", lambda parts, rng: (drop("audio", "video", "application")(parts, rng), without(parts[0], "a=group"))),
    ("another video", again("video", "3")),
    ("another audio", again("audio", "3")),
    ("another data", again("application", "3")),
    ("two more videos", lambda parts, rng: (again("video", "3")(parts, rng), again("video", "4")(parts, rng))),
    ("image", other_kind("m=image 9 udptl t38", "a=mid:9")),
    ("text", other_kind("m=text 9 UDP/TLS/RTP/SAVPF 98", "a=rtpmap:98 t140/1000", "a=mid:9")),
    ("message", other_kind("m=message 9 TCP/MSRP *", "a=mid:9")),
    ("unknown kind without mid", other_kind("m=image 9 udptl t38")),
    ("simulcast that is sent", lambda parts, rng: section(parts, "video").extend(["a=rid:h send", "a=rid:l send", "a=simulcast:send h;l"])),
    ("simulcast that is received", lambda parts, rng: section(parts, "video").extend(["a=rid:h recv", "a=rid:l recv", "a=simulcast:recv h;l"])),
    ("simulcast without rid", lambda parts, rng: section(parts, "video").append("a=simulcast:send h;l")),
    ("rid without simulcast", lambda parts, rng: section(parts, "video").append("a=rid:h send")),
    ("simulcast wrong", lambda parts, rng: section(parts, "video").extend(["a=rid:h send", "a=simulcast:h;l"])),
    ("rid with pt", lambda parts, rng: section(parts, "video").extend(["a=rid:h send pt=96", "a=rid:l send pt=98", "a=simulcast:send h;l"])),
    ("no s=", without_in_all("s=")),
    ("no t=", without_in_all("t=")),
    ("no o=", without_in_all("o=")),
    ("no c=", without_in_all("c=")),
    ("no a=rtcp", without_in_all("a=rtcp:")),
    ("s= without text", session_line("s=", "s=")),
    ("s= a blank", session_line("s=", "s= ")),
    ("o= short", session_line("o=", "o=- 1")),
    ("v=1", lambda parts, rng: parts[0].__setitem__(0, "v=1")),
    ("v= missing", lambda parts, rng: parts[0].pop(0)),
    ("t= before s=", lambda parts, rng: parts[0].insert(2, "t=0 0")),
    ("unknown line", lambda parts, rng: parts[0].append("x=whatever")),
    ("line without =", lambda parts, rng: section(parts, "audio").append("hello")),
    ("empty line within", lambda parts, rng: parts[0].append("")),
    ("attribute after a blank", lambda parts, rng: section(parts, "audio").append(" a=x")),
    ("unknown attribute", lambda parts, rng: section(parts, "audio").append("a=x-unknown:1 2 3")),
    ("blank after =", lambda parts, rng: section(parts, "audio").append("a= x")),
    ("bandwidth", lambda parts, rng: section(parts, "video").insert(2, "b=AS:300")),
    ("bandwidth wrong", lambda parts, rng: section(parts, "video").insert(2, "b=AS:x")),
    ("rtpmap wrong", lambda parts, rng: section(parts, "audio").append("a=rtpmap:x opus/48000/2")),
    ("rtpmap without clock", lambda parts, rng: section(parts, "audio").append("a=rtpmap:111 opus")),
    ("rtpmap of what is not listed", lambda parts, rng: section(parts, "audio").append("a=rtpmap:99 L16/48000")),
    ("fmtp of what is not listed", lambda parts, rng: section(parts, "audio").append("a=fmtp:99 x=1")),
    ("fmtp without value", lambda parts, rng: section(parts, "audio").append("a=fmtp:111")),
    ("candidate wrong", lambda parts, rng: section(parts, "audio").append("a=candidate:1 1 udp")),
    ("candidate with name", lambda parts, rng: section(parts, "audio").append("a=candidate:1 1 udp 2122260223 x.local 5000 typ host")),
    ("candidate good", lambda parts, rng: section(parts, "audio").append("a=candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host")),
    ("ssrc wrong", lambda parts, rng: section(parts, "audio").append("a=ssrc:x cname:y")),
    ("m= short", lambda parts, rng: section(parts, "audio").__setitem__(0, "m=audio 9")),
    ("m= with text", lambda parts, rng: section(parts, "audio").__setitem__(0, "m=audio 9 UDP/TLS/RTP/SAVPF opus")),
    ("payload twice", lambda parts, rng: section(parts, "audio").__setitem__(0, "m=audio 9 UDP/TLS/RTP/SAVPF 111 111 0")),
    ("sip", sip),
    ("codecs in another order 1", shuffled),
    ("sections in another order", reordered),
]

def add(which, *lines):
    """More lines in the section of a kind, or in the session for None."""
    def bend(parts, _):
        part = parts[0] if which is None else section(parts, which)
        part.extend(lines)
    return bend


def all_of(*bends):
    def bend(parts, rng):
        for one in bends:
            one(parts, rng)
    return bend


def candidate(line):
    return add("audio", "a=candidate:" + line)


def first_fields(part):
    return " ".join(part[0].split()[:3])


def unlisted(which, name, *patterns):
    """Takes a codec out of m= and those of its lines that begin so."""
    def bend(parts, _):
        part = section(parts, which)
        payload = next(re.match(r"a=rtpmap:(\d+)", line)[1] for line in part if re.match(rf"a=rtpmap:\d+ {name}/", line))
        kept = [other for other in codecs(part) if other != payload]
        part[0] = " ".join([first_fields(part), *kept])
        for pattern in patterns:
            without(part, rf"a={pattern}:{payload} ")
        # What repairs it would be wrong in another way.
        for line in [line for line in part if line.endswith(f"apt={payload}")]:
            repair = re.match(r"a=fmtp:(\d+)", line)[1]
            part[0] = " ".join([first_fields(part), *[other for other in codecs(part) if other != repair]])
            without(part, rf"a=(rtpmap|fmtp|rtcp-fb):{repair} ")
    return bend


def session_c(line):
    def bend(parts, _):
        for part in parts[1:]:
            without(part, "c=")
        parts[0].insert(3, line)
    return bend


def in_bundle(mids):
    return session_line("a=group:BUNDLE", f"a=group:BUNDLE {mids}")


def decode_only(name, *codec):
    only_it = codec_lines("video", codec)
    before_vp8 = codec_lines("video", codec, (96, "VP8/90000"))
    return [
        (name, only_it, True),
        (f"{name}, no track", only_it, False),
        (f"{name}, recvonly", all_of(only_it, direction("recvonly")), True),
        (f"{name}, recvonly, no track", all_of(only_it, direction("recvonly")), False),
        (f"{name}, sendonly", all_of(only_it, direction("sendonly")), True),
        (f"{name}, inactive", all_of(only_it, direction("inactive")), True),
        (f"{name} before VP8", before_vp8, True),
        (f"{name} before VP8, no track", before_vp8, False),
    ]


GOOD = "1 1 udp 2122260223 192.0.2.1 5000 typ host"
MORE = [
    ("rtcp-fb left", unlisted("video", "VP8", "rtpmap", "fmtp")),
    ("rtcp-fb and rtpmap left", unlisted("video", "VP8", "fmtp")),
    ("fmtp left", unlisted("audio", "opus", "rtpmap", "rtcp-fb")),
    ("fmtp and rtpmap left", unlisted("audio", "opus", "rtcp-fb")),
    ("rtpmap gone, fmtp left", lambda parts, rng: without(section(parts, "audio"), "a=(rtpmap|rtcp-fb):111 ")),
    ("rtpmap gone, rtcp-fb left", lambda parts, rng: without(section(parts, "video"), "a=(rtpmap|fmtp):120 |a=fmtp:119 ")),
    ("rtpmap of VP8 gone, rtcp-fb left", lambda parts, rng: without(section(parts, "video"), "a=(rtpmap|fmtp):96 ")),
    ("rtcp-fb of a static type without rtpmap", all_of(codec_lines("audio", (0, ""), (111, "opus/48000/2")), add("audio", "a=rtcp-fb:0 nack"))),
    ("fmtp of a static type without rtpmap", all_of(codec_lines("audio", (0, ""), (111, "opus/48000/2")), add("audio", "a=fmtp:0 x=1"))),
    ("fmtp of a static type of video without rtpmap", all_of(codec_lines("video", (34, ""), (96, "VP8/90000")), add("video", "a=fmtp:34 x=1"))),
    ("rtcp-fb of all", add("video", "a=rtcp-fb:* nack")),
    ("rtcp-fb of 999", add("audio", "a=rtcp-fb:999 nack")),
    ("rtcp-fb without kind", add("audio", "a=rtcp-fb:111")),
    ("candidate port 99999", candidate(GOOD.replace("5000", "99999"))),
    ("candidate port 0", candidate(GOOD.replace("5000", "0"))),
    ("candidate port text", candidate(GOOD.replace("5000", "x"))),
    ("candidate without port", candidate("1 1 udp 2122260223 192.0.2.1 typ host generation 0")),
    ("candidate priority below 0", candidate(GOOD.replace("2122260223", "-5"))),
    ("candidate priority too large", candidate(GOOD.replace("2122260223", "4294967296"))),
    ("candidate component text", candidate(GOOD.replace("1 1", "1 x"))),
    ("candidate component 0", candidate(GOOD.replace("1 1", "1 0"))),
    ("candidate component 300", candidate(GOOD.replace("1 1", "1 300"))),
    ("candidate component 70000", candidate(GOOD.replace("1 1", "1 70000"))),
    ("candidate type", candidate(GOOD.replace("typ host", "typ foo"))),
    ("candidate type in capitals", candidate(GOOD.replace("typ host", "typ HOST"))),
    ("candidate without typ", candidate(GOOD.replace("typ host", "type host"))),
    ("candidate transport", candidate(GOOD.replace("udp", "xyz"))),
    ("candidate transport in capitals", candidate(GOOD.replace("udp", "UDP"))),
    ("candidate transport ssltcp", candidate(GOOD.replace("udp", "ssltcp"))),
    ("candidate transport tls", candidate(GOOD.replace("udp", "tls"))),
    ("candidate transport tcp", candidate(GOOD.replace("udp", "tcp"))),
    ("candidate tcptype", candidate(GOOD.replace("udp", "tcp") + " tcptype foo")),
    ("candidate tcptype of udp", candidate(GOOD + " tcptype active")),
    ("candidate raddr without rport", candidate("1 1 udp 1 192.0.2.1 5000 typ srflx raddr 192.0.2.2")),
    ("candidate rport 99999", candidate("1 1 udp 1 192.0.2.1 5000 typ srflx raddr 192.0.2.2 rport 99999")),
    ("candidate rport text", candidate("1 1 udp 1 192.0.2.1 5000 typ srflx raddr 192.0.2.2 rport x")),
    ("candidate generation text", candidate(GOOD + " generation x")),
    ("candidate unknown extension", candidate(GOOD + " foo bar")),
    ("candidate with two blanks", candidate(GOOD.replace("udp ", "udp  "))),
    ("candidate undefined", candidate(GOOD.replace("192.0.2.1", "undefined"))),
    ("ssrc-group alone", add("video", "a=ssrc-group:FID")),
    ("ssrc-group with text", add("video", "a=ssrc-group:FID abc def")),
    ("ssrc alone", add("audio", "a=ssrc:1234")),
    ("ssrc with attribute alone", add("audio", "a=ssrc:1234 cname")),
    ("ssrc with an unknown attribute", add("audio", "a=ssrc:1234 x:y")),
    ("msid empty", media_line("audio", "a=msid:", "a=msid:")),
    ("msid of a stream alone", media_line("audio", "a=msid:", "a=msid:s")),
    ("msid of three", media_line("audio", "a=msid:", "a=msid:s t u")),
    ("msid-semantic empty", session_line("a=msid-semantic", "a=msid-semantic:")),
    ("rid empty", add("video", "a=rid:")),
    ("rid in no direction", add("video", "a=rid:h foo", "a=simulcast:recv h")),
    ("rid twice", add("video", "a=rid:h send", "a=rid:h send", "a=simulcast:send h;h")),
    ("rid twice, and one once", add("video", "a=rid:h send", "a=rid:h send", "a=rid:l send", "a=simulcast:send h;l")),
    ("group empty", add(None, "a=group:")),
    ("max-message-size text", media_line("application", "a=max-message-size", "a=max-message-size:x")),
    ("max-message-size below 0", media_line("application", "a=max-message-size", "a=max-message-size:-1")),
    ("max-message-size 2147483647", media_line("application", "a=max-message-size", "a=max-message-size:2147483647")),
    ("max-message-size 2147483648", media_line("application", "a=max-message-size", "a=max-message-size:2147483648")),
    ("max-message-size too large", media_line("application", "a=max-message-size", "a=max-message-size:99999999999")),
    ("rtpmap twice, the same", add("audio", "a=rtpmap:111 opus/48000/2")),
    ("rtpmap twice, another name", add("audio", "a=rtpmap:111 ISAC/16000")),
    ("rtpmap twice, another clock", add("video", "a=rtpmap:96 VP8/8000")),
    ("rtpmap twice, another name, video", add("video", "a=rtpmap:96 VP9/90000")),
    ("rtpmap twice, other channels", add("audio", "a=rtpmap:111 opus/48000/1")),
    ("static type redefined", codec_lines("audio", (0, "opus/48000/2"), (111, "opus/48000/2"))),
    ("static type redefined, at another clock", codec_lines("audio", (9, "G722/16000"), (111, "opus/48000/2"))),
    ("static type redefined, not listed", add("audio", "a=rtpmap:3 opus/48000/2")),
    ("static type 1 defined", codec_lines("audio", (1, "opus/48000/2"))),
    ("static type 20 defined", codec_lines("audio", (20, "opus/48000/2"))),
    ("static type redefined, video", codec_lines("video", (34, "VP8/90000"))),
    ("c= foo", media_line("audio", "c=", "c=foo")),
    ("c= short", media_line("audio", "c=", "c=IN IP4")),
    ("c= IPv6 in IP4", media_line("audio", "c=", "c=IN IP4 2001:db8::1")),
    ("c= IPv4 in IP6", media_line("audio", "c=", "c=IN IP6 192.0.2.1")),
    ("c= IPv6", media_line("audio", "c=", "c=IN IP6 2001:db8::1")),
    ("c= with two blanks", media_line("audio", "c=", "c=IN  IP4 192.0.2.1")),
    ("c= a name", media_line("audio", "c=", "c=IN IP4 host.example.com")),
    ("c= with a TTL", media_line("audio", "c=", "c=IN IP4 224.2.36.42/127")),
    ("c= another network", media_line("audio", "c=", "c=ATM NSAP 47.0091")),
    ("c= of another kind of address", media_line("audio", "c=", "c=IN IP5 192.0.2.1")),
    ("c= foo in the session", session_c("c=foo")),
    ("c= IPv6 in IP4 in the session", session_c("c=IN IP4 2001:db8::1")),
    ("non-breaking space in fmtp", media_line("audio", "a=fmtp:111", "a=fmtp:111\u00a0minptime=10")),
    ("non-breaking space among parameters", media_line("audio", "a=fmtp:111", "a=fmtp:111 minptime=10;\u00a0useinbandfec=1")),
    ("non-breaking space in rtpmap", media_line("audio", "a=rtpmap:111", "a=rtpmap:111\u00a0opus/48000/2")),
    ("non-breaking space in m=", lambda parts, rng: section(parts, "audio").__setitem__(0, "m=audio\u00a09 UDP/TLS/RTP/SAVPF 0")),
    ("a tab in fmtp", media_line("audio", "a=fmtp:111", "a=fmtp:111\tminptime=10")),
    ("bundled section without ufrag", lambda parts, rng: without(section(parts, "video"), "a=ice-ufrag")),
    ("bundled section without pwd", lambda parts, rng: without(section(parts, "video"), "a=ice-pwd")),
    ("bundled section with a short pwd", media_line("video", "a=ice-pwd:", "a=ice-pwd:short")),
    ("bundled section with a bad ufrag", media_line("video", "a=ice-ufrag:", "a=ice-ufrag:ab.cd")),
    ("first section without ufrag", lambda parts, rng: without(section(parts, "audio"), "a=ice-ufrag")),
    *[(f"ufrag with {sign}", media_line(None, "a=ice-ufrag:", f"a=ice-ufrag:ab{sign}cd")) for sign in "_-#=.@!%:~ ,;"],
    *[(f"pwd with {sign}", media_line(None, "a=ice-pwd:", f"a=ice-pwd:0123456789abcdef{sign}ghijklm")) for sign in "_-#=.@!%:~ ,;"],
    ("text over RTP without ICE", other_kind("m=text 9 RTP/AVP 98", "a=mid:3", "a=rtpmap:98 t140/1000")),
    ("text in the bundle", all_of(other_kind("m=text 9 UDP/TLS/RTP/SAVPF 98", "a=mid:3", "a=rtpmap:98 t140/1000"), in_bundle("0 1 2 3"))),
    ("text first in the bundle", all_of(other_kind("m=text 9 UDP/TLS/RTP/SAVPF 98", "a=mid:3", "a=rtpmap:98 t140/1000"), in_bundle("3 0 1 2"))),
    ("BFCP", other_kind("m=application 9 UDP/BFCP *", "a=mid:3")),
    ("BFCP in the bundle", all_of(other_kind("m=application 9 UDP/BFCP *", "a=mid:3"), in_bundle("0 1 2 3"))),
    ("BFCP over TLS", other_kind("m=application 9 TCP/TLS/BFCP *", "a=mid:3")),
    ("BFCP over WebSocket", other_kind("m=application 9 TCP/WS/BFCP *", "a=mid:3")),
    ("MSRP", other_kind("m=message 9 TCP/MSRP *", "a=mid:3")),
    ("application over RTP", other_kind("m=application 9 RTP/SAVPF 101", "a=mid:3", "a=rtpmap:101 google-data/90000")),
    ("application over UDT", other_kind("m=application 9 UDP/UDT/IX *", "a=mid:3")),
    ("application over SCTP alone without ICE", other_kind("m=application 9 SCTP 5000", "a=mid:3")),
    ("data channel without ICE beside the bundle", other_kind("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:3", "a=sctp-port:5000")),
    ("audio over an unknown protocol without ICE", other_kind("m=audio 9 RTP/UNKNOWN 0", "a=mid:3")),
    ("setup ACTPASS", media_line(None, "a=setup:", "a=setup:ACTPASS")),
    ("setup Active", media_line(None, "a=setup:", "a=setup:Active")),
    ("bundle led by video, audio without ICE", all_of(in_bundle("1 0 2"), lambda parts, rng: without(section(parts, "audio"), "a=ice-(ufrag|pwd):"))),
    ("bundle led by video, video without ICE", all_of(in_bundle("1 0 2"), lambda parts, rng: without(section(parts, "video"), "a=ice-(ufrag|pwd):"))),
    ("bundle led by video, video without fingerprint", all_of(in_bundle("1 0 2"), lambda parts, rng: without(section(parts, "video"), "a=fingerprint"))),
    ("bundle led by video, audio without fingerprint", all_of(in_bundle("1 0 2"), lambda parts, rng: without(section(parts, "audio"), "a=fingerprint"))),
    ("bundle led by a refused section", all_of(in_bundle("1 0 2"), port("video", "0"))),
    ("G729 and tones", codec_lines("audio", (18, "G729/8000"), (101, "telephone-event/8000"))),
    ("extmap 15 without allow-mixed", lambda parts, rng: (without(parts[0], "a=extmap-allow-mixed"), section(parts, "audio").append("a=extmap:15 urn:x"))),
    ("groups of ssrc as for simulcast", add("video", "a=ssrc-group:SIM 1 2 3", "a=ssrc:1 cname:x", "a=ssrc:2 cname:x", "a=ssrc:3 cname:x")),
    *decode_only("VP9 profile 1", 98, "VP9/90000", "profile-id=1"),
    *decode_only("VP9 profile 3", 98, "VP9/90000", "profile-id=3"),
    *decode_only("AV1 profile 1", 45, "AV1/90000", "level-idx=5;profile=1;tier=0"),
    *decode_only("H264 f4001f", 102, "H264/90000", "packetization-mode=1;profile-level-id=f4001f"),
]


def more_offers(base):
    made = []
    for at, (name, bend, *tracks) in enumerate(MORE):
        parts = parts_of(base)
        bend(parts, None)
        made.append({"name": name, "tracks": tracks[0] if tracks else at % 2 == 0, "offer": text_of(parts)})
    return made


def sources(*ids, attribute="cname:x"):
    return [f"a=ssrc:{number} {attribute}" for number in ids]


def group(text):
    return "a=ssrc-group:" + text


def bare(*lines, which="video", direction=None, msid=True, codec=None, port=None):
    """The section with these sources alone."""
    def bend(parts, rng):
        for each in ("audio", "video"):
            without(section(parts, each), "a=ssrc")
        part = section(parts, which)
        if not msid:
            without(part, "a=msid:")
        part.extend(lines)
        if direction:
            replaced("^a=sendrecv", "a=" + direction, which)(parts, rng)
        if codec:
            without(part, "a=(rtpmap|fmtp|rtcp-fb):")
            part[0] = part[0].split(" ")[0] + " 9 UDP/TLS/RTP/SAVPF 96"
            part.append("a=rtpmap:96 " + codec)
        if port is not None:
            part[0] = re.sub(r"^(m=\S+) \d+", rf"\1 {port}", part[0])
    return bend


# Sources and groups of them (RFC 5576): of each offer with tracks of the page's own and without.
SOURCES = [
    ("plain", add("video")),
    ("SIM 3 with ssrcs", add("video", group("SIM 1 2 3"), *sources(1, 2, 3))),
    ("SIM 3 with ssrcs and msid", add("video", group("SIM 1 2 3"), *sources(1, 2, 3), *sources(1, 2, 3, attribute="msid:s t"))),
    ("SIM 3 without ssrcs", add("video", group("SIM 1 2 3"))),
    ("SIM 3 one ssrc", add("video", group("SIM 1 2 3"), *sources(1))),
    ("SIM 2", add("video", group("SIM 1 2"), *sources(1, 2))),
    ("SIM 1", add("video", group("SIM 1"), *sources(1))),
    ("SIM 3 + FID", add("video", group("SIM 1 2 3"), group("FID 1 4"), group("FID 2 5"), group("FID 3 6"), *sources(1, 2, 3, 4, 5, 6))),
    ("SIM 3 + FID first", add("video", group("FID 1 4"), group("FID 2 5"), group("FID 3 6"), group("SIM 1 2 3"), *sources(1, 2, 3, 4, 5, 6))),
    ("SIM twice", add("video", group("SIM 1 2"), group("SIM 3 4"), *sources(1, 2, 3, 4))),
    ("SIM same twice", add("video", group("SIM 1 2"), group("SIM 1 2"), *sources(1, 2))),
    ("SIM with ssrc 0", add("video", group("SIM 0 1"), *sources(0, 1))),
    ("SIM repeated id", add("video", group("SIM 1 1"), *sources(1))),
    ("SIM other cnames", add("video", group("SIM 1 2"), "a=ssrc:1 cname:x", "a=ssrc:2 cname:y")),
    ("SIM not first ssrc", add("video", group("SIM 2 3"), *sources(1, 2, 3))),
    ("SIM extra ssrc", add("video", group("SIM 1 2"), *sources(1, 2, 3))),
    ("SIM in audio", add("audio", group("SIM 1 2"), *sources(1, 2))),
    ("SIM in audio and video", all_of(add("audio", group("SIM 1 2"), *sources(1, 2)), add("video", group("SIM 11 12"), *sources(11, 12)))),
    ("same ssrc audio video", all_of(add("audio", *sources(1)), add("video", *sources(1)))),
    ("SIM same ssrc audio video", all_of(add("audio", *sources(1)), add("video", group("SIM 1 2"), *sources(1, 2)))),
    ("SIM sendonly", all_of(add("video", group("SIM 1 2 3"), *sources(1, 2, 3)), replaced("^a=sendrecv", "a=sendonly", "video"))),
    ("SIM recvonly", all_of(add("video", group("SIM 1 2 3"), *sources(1, 2, 3)), replaced("^a=sendrecv", "a=recvonly", "video"))),
    ("SIM inactive", all_of(add("video", group("SIM 1 2 3"), *sources(1, 2, 3)), replaced("^a=sendrecv", "a=inactive", "video"))),
    ("SIM lower case", add("video", group("sim 1 2 3"), *sources(1, 2, 3))),
    ("SIM in application", add("application", group("SIM 1 2"), *sources(1, 2))),
    ("SIM in session", add(None, group("SIM 1 2"))),
    ("SIM and rids send", add("video", group("SIM 1 2"), *sources(1, 2), "a=rid:h send", "a=rid:l send", "a=simulcast:send h;l")),
    ("SIM and rids recv", add("video", group("SIM 1 2"), *sources(1, 2), "a=rid:h recv", "a=rid:l recv", "a=simulcast:recv h;l")),
    ("SIM 4", add("video", group("SIM 1 2 3 4"), *sources(1, 2, 3, 4))),
    ("SIM 20", add("video", group("SIM " + " ".join(map(str, range(1, 21)))), *sources(*range(1, 21)))),
    ("FID alone no ssrcs", add("video", group("FID 1 2"))),
    ("FID three", add("video", group("FID 1 2 3"), *sources(1, 2, 3))),
    ("FEC-FR", add("video", group("FEC-FR 1 2"), *sources(1, 2))),
    ("SIM + FEC-FR", add("video", group("SIM 1 2"), group("FEC-FR 1 3"), *sources(1, 2, 3))),
    ("unknown group", add("video", group("XYZ 1 2"), *sources(1, 2))),
    ("two ssrcs no group", add("video", *sources(1, 2))),
    ("two ssrcs two msids", add("video", "a=ssrc:1 cname:x", "a=ssrc:1 msid:s t", "a=ssrc:2 cname:x", "a=ssrc:2 msid:s u")),
    ("SIM two msids", add("video", group("SIM 1 2"), "a=ssrc:1 cname:x", "a=ssrc:1 msid:s t", "a=ssrc:2 cname:x", "a=ssrc:2 msid:s u")),
    ("alone: SIM 3 one ssrc", bare(group("SIM 1 2 3"), *sources(1))),
    ("alone: SIM 3 second ssrc alone", bare(group("SIM 1 2 3"), *sources(2))),
    ("alone: SIM 3 two ssrcs", bare(group("SIM 1 2 3"), *sources(1, 2))),
    ("alone: SIM 3 all", bare(group("SIM 1 2 3"), *sources(1, 2, 3))),
    ("alone: SIM 2 FID 1 of 2", bare(group("SIM 1 2"), group("FID 1 4"), *sources(1, 2, 4))),
    ("alone: SIM 2 FID of second", bare(group("SIM 1 2"), group("FID 2 4"), *sources(1, 2, 4))),
    ("alone: SIM 2 FID foreign", bare(group("SIM 1 2"), group("FID 3 4"), *sources(1, 2, 3, 4))),
    ("alone: FID secondary without line", bare(group("FID 1 2"), *sources(1))),
    ("alone: FID primary without line", bare(group("FID 1 2"), *sources(2))),
    ("alone: XYZ missing line", bare(group("XYZ 1 2"), *sources(1))),
    ("alone: XYZ twice", bare(group("XYZ 1 2"), group("XYZ 1 2"), *sources(1, 2))),
    ("alone: XYZ dup", bare(group("XYZ 1 1"), *sources(1))),
    ("alone: FID dup", bare(group("FID 1 1"), *sources(1))),
    ("alone: FID one", bare(group("FID 1"), *sources(1))),
    ("alone: XYZ one", bare(group("XYZ 1"), *sources(1))),
    ("alone: FID primary twice", bare(group("FID 1 2"), group("FID 1 3"), *sources(1, 2, 3))),
    ("alone: FID 1 2 and 3 4", bare(group("FID 1 2"), group("FID 3 4"), *sources(1, 2, 3, 4))),
    ("alone: FID 3 4 and 1 2", bare(group("FID 3 4"), group("FID 1 2"), *sources(1, 2, 3, 4))),
    ("alone: FID and FEC-FR", bare(group("FID 1 2"), group("FEC-FR 1 3"), *sources(1, 2, 3))),
    ("alone: FEC-FR three", bare(group("FEC-FR 1 2 3"), *sources(1, 2, 3))),
    ("alone: SIM twice other first", bare(group("SIM 1 2"), group("SIM 2 3"), *sources(1, 2, 3))),
    ("alone: SIM twice 4 then 2", bare(group("SIM 1 2"), group("SIM 3 4"), *sources(1, 2, 3, 4))),
    ("alone: SIM twice FID of second", bare(group("SIM 1 2"), group("SIM 3 4"), group("FID 3 5"), group("FID 4 6"), *sources(1, 2, 3, 4, 5, 6))),
    ("alone: recvonly one ssrc", bare(group("SIM 1 2 3"), *sources(1), direction="recvonly")),
    ("alone: inactive one ssrc", bare(group("SIM 1 2 3"), *sources(1), direction="inactive")),
    ("alone: sendonly one ssrc", bare(group("SIM 1 2 3"), *sources(1), direction="sendonly")),
    ("alone: recvonly SIM 4", bare(group("SIM 1 2 3 4"), *sources(1, 2, 3, 4), direction="recvonly")),
    ("alone: inactive SIM 4", bare(group("SIM 1 2 3 4"), *sources(1, 2, 3, 4), direction="inactive")),
    ("alone: SIM 4 no ssrc lines", bare(group("SIM 1 2 3 4"))),
    ("alone: FID 3 no ssrc lines", bare(group("FID 1 2 3"))),
    ("alone: SIM 4 second ssrc", bare(group("SIM 1 2 3 4"), *sources(2))),
    ("alone: port 0 one ssrc", bare(group("SIM 1 2 3"), *sources(1), port=0)),
    ("alone: port 0 SIM 4", bare(group("SIM 1 2 3 4"), *sources(1, 2, 3, 4), port=0)),
    ("alone: no codec one ssrc", bare(group("SIM 1 2 3"), *sources(1), codec="FOO/90000")),
    ("alone: no codec SIM 4", bare(group("SIM 1 2 3 4"), *sources(1, 2, 3, 4), codec="FOO/90000")),
    ("alone: no msid one ssrc", bare(group("SIM 1 2 3"), *sources(1), msid=False)),
    ("alone: no msid two tracks", bare(group("SIM 1 2"), "a=ssrc:1 cname:x", "a=ssrc:1 msid:s t", "a=ssrc:2 cname:x", "a=ssrc:2 msid:s u", msid=False)),
    ("alone: no msid one track", bare(group("SIM 1 2"), "a=ssrc:1 cname:x", "a=ssrc:1 msid:s t", "a=ssrc:2 cname:x", "a=ssrc:2 msid:s t", msid=False)),
    ("alone: msid, ssrc msids differ", bare(group("SIM 1 2"), "a=ssrc:1 cname:x", "a=ssrc:1 msid:s t", "a=ssrc:2 cname:x", "a=ssrc:2 msid:s u")),
    ("alone: audio two ssrcs", bare(*sources(1, 2), which="audio")),
    ("alone: audio two ssrcs recvonly", bare(*sources(1, 2), which="audio", direction="recvonly")),
    ("alone: audio two ssrcs inactive", bare(*sources(1, 2), which="audio", direction="inactive")),
    ("alone: audio two tracks", bare("a=ssrc:1 cname:x", "a=ssrc:1 msid:s t", "a=ssrc:2 cname:x", "a=ssrc:2 msid:s u", which="audio", msid=False)),
    ("alone: audio FID", bare(group("FID 1 2"), *sources(1), which="audio")),
    ("alone: audio SIM 4", bare(group("SIM 1 2 3 4"), *sources(1), which="audio")),
    ("alone: audio SIM 1", bare(group("SIM 1"), *sources(1), which="audio")),
    ("alone: audio SIM twice", bare(group("SIM 1"), group("SIM 1"), *sources(1), which="audio")),
    ("same ssrc in both", all_of(bare(), add("audio", *sources(1)), add("video", *sources(1)))),
    ("same ssrc in group", all_of(bare(), add("audio", *sources(1)), add("video", group("SIM 1 2"), *sources(1, 2)))),
    ("alone: msid appears in the session", all_of(bare(), add(None, group("SIM 1 2 3 4")))),
    ("alone: sctp group", all_of(bare(), add("application", group("SIM 1 1"), *sources(1)))),
    ("alone: sctp group 4", all_of(bare(), add("application", group("SIM 1 2 3 4"), *sources(1, 2, 3, 4)))),
    ("alone: ssrcs order", bare(*sources(3, 1, 2), group("SIM 1 2"))),
    ("alone: group before and unlisted first", bare(group("SIM 9 1 2"), *sources(1, 2))),
    ("alone: lower fid three", bare(group("fid 1 2 3"), *sources(1, 2, 3))),
    ("alone: ssrc label", bare(group("SIM 1 2"), "a=ssrc:1 cname:x", "a=ssrc:2 label:y")),
    ("alone: ssrc mslabel only", bare("a=ssrc:1 mslabel:x", "a=ssrc:1 label:y")),
    ("alone: SIM dup in three", bare(group("SIM 1 2 1"), *sources(1, 2))),
]


def source_offers(base):
    made = []
    for name, bend in SOURCES:
        for tracks in (False, True):
            parts = parts_of(base)
            bend(parts, None)
            made.append({"name": name, "tracks": tracks, "offer": text_of(parts)})
    return made


ENDINGS = [("LF", "\n"), ("CR", "\r"), ("LF CR", "\n\r"), ("CR CR LF", "\r\r\n")]
RANDOM = 24


def offers(base, rng):
    made = []

    def add(name, parts, tracks, end="\r\n"):
        made.append({"name": name, "tracks": tracks, "offer": text_of(parts, end)})

    for at, (name, bend) in enumerate(MUTATIONS):
        parts = parts_of(base)
        bend(parts, rng)
        add(name, parts, at % 2 == 0)
    for name, end in ENDINGS:
        add(name, parts_of(base), True, end)
    made.append({"name": "no end of the last line", "tracks": True, "offer": base.rstrip()})
    for number in range(RANDOM):
        parts = parts_of(base)
        some(parts, rng)
        names = ["some codecs"]
        # Two more at once, of those that leave the sections as they are.
        for name, bend in rng.sample(MUTATIONS[72:110], 2):
            try:
                bend(parts, rng)
                names.append(name)
            except (AttributeError, IndexError, TypeError):
                pass
        add(" + ".join(names), parts, number % 2 == 0)
    return made


def answer(browser, made):
    """Puts into each offer what the browser answers, without its own candidates."""
    results = []
    for at in range(0, len(made), 20):
        results += browser.run(ANSWER, made[at:at + 20])
    for offer, result in zip(made, results, strict=True):
        offer.update(result)
        if "answer" in result:
            kept = [line for line in result["answer"].split("\r\n") if not line.startswith("a=candidate")]
            offer["answer"] = "\r\n".join(kept)


def save(path, document):
    """Writes what was recorded, and says how much of it was refused."""
    with open(path, "wb") as file:
        # Without a time, so that the same answers are the same file.
        file.write(gzip.compress(json.dumps(document, indent=0).encode(), 9, mtime=0))
    made = document["records"]
    refused = sum("error" in offer for offer in made)
    print(f"{len(made)} offers, {refused} of them refused as a whole")


def main():
    *flags, path = sys.argv[1:]
    browser = Browser()
    try:
        own = browser.run(OFFER)
        base = "\r\n".join(line for line in own["sdp"].split("\r\n") if not line.startswith("a=candidate"))
        if "--sources" in flags:
            made = source_offers(base)
        else:
            made = more_offers(base) if "--more" in flags else offers(base, random.Random(1))
        answer(browser, made)
    finally:
        browser.close()
    version = re.search(r"Chrome/(\d+)", own["agent"])
    document = {"browser": f"Chromium {version[1]}", "capabilities": own["capabilities"], "records": made}
    save(path, document)


if __name__ == "__main__":
    main()

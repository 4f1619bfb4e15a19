// Audio and video, which the other side sends back (proto/media).
const ASKED_FOR = 30000, BEGINS = 5000, LOOK_EVERY = 100, LATE = 500;
const DEVICES = { audio: 'microphone', video: 'camera' };

// A tone, which a browser makes only once somebody has touched the page.
function tone(held) {
  const context = new AudioContext();
  context.resume();
  const oscillator = new OscillatorNode(context, { frequency: 440 });
  const gain = new GainNode(context, { gain: 0.1 });
  const end = context.createMediaStreamDestination();
  oscillator.connect(gain).connect(end);
  oscillator.start();
  held.push(() => context.close());
  return end.stream.getAudioTracks()[0];
}
// A square that moves over a field whose colour changes.
function picture(held) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const pen = canvas.getContext('2d');
  let frame = 0;
  const draw = () => {
    frame += 1;
    pen.fillStyle = `hsl(${frame % 360} 60% 40%)`;
    pen.fillRect(0, 0, 320, 240);
    pen.fillStyle = 'white';
    pen.fillRect((frame * 4) % 280, 100, 40, 40);
  };
  draw();
  const timer = setInterval(draw, 50);
  held.push(() => clearInterval(timer));
  return canvas.captureStream(20).getVideoTracks()[0];
}
// Counters of this browser's statistics, by the section that they belong to.
async function counters(pc) {
  const all = {};
  (await pc.getStats()).forEach((entry) => {
    const isOf = entry.type === 'inbound-rtp' || entry.type === 'outbound-rtp';
    if (isOf && entry.kind) (all[entry.kind] = all[entry.kind] || {})[entry.type === 'inbound-rtp' ? 'in' : 'out'] = entry;
  });
  return all;
}
const kbps = (now, before, key) => (now && before && now.timestamp > before.timestamp
  ? ((now[key] - (before[key] || 0)) * 8) / (now.timestamp - before.timestamp) : null);
const whole = (value) => (Number.isFinite(value) ? Math.round(value) : null);

class Media {
  constructor({ kinds, duration_ms: duration }, done) {
    this.kinds = kinds;
    this.duration = duration;
    this.done = done;
    this.held = [];
    this.lines = [];
    this.sources = {};
    this.decided = new Promise((decide) => {
      this.decide = decide;
    });
  }
  // The offer is set: what it has is sent too, and the person is asked meanwhile.
  attach(pc) {
    this.pc = pc;
    const stream = new MediaStream();
    for (const transceiver of pc.getTransceivers()) {
      const { kind } = transceiver.receiver.track;
      if (!this.kinds.includes(kind)) continue;
      transceiver.direction = 'sendrecv';
      stream.addTrack(transceiver.receiver.track);
      this.lines.push({ kind, transceiver });
    }
    $('echo').srcObject = stream;
    $('echo').hidden = !this.kinds.includes('video');
    const wanted = this.kinds.map((kind) => DEVICES[kind]).join(' and ');
    $('wanted').textContent = `The other side wants to test sound and picture. May this page use your ${wanted}? What they give goes to the other side and comes back at once, so you hear or see yourself; nothing is recorded.`;
    $('media').hidden = false;
    $('allow').onclick = () => this.decide('device');
    $('without').onclick = () => this.decide('chosen');
    this.timer = setTimeout(() => this.decide('undecided'), ASKED_FOR);
    this.decided.then((how) => this.supply(how)).catch((error) => step('an error of this page', String(error)));
  }
  open() {
    return this.lines.filter(({ transceiver }) => /send|recv/.test(transceiver.currentDirection));
  }
  // The answer is set: where nothing is left there is nothing to ask for.
  answered() {
    if (!this.open().length) this.decide('chosen');
  }
  async supply(how) {
    clearTimeout(this.timer);
    $('question').hidden = true;
    $('echo').play().catch(() => {});
    const given = how === 'device' ? await this.ask() : {};
    for (const { kind, transceiver } of this.lines) {
      const { track, error } = given[kind] || {};
      const source = { source: 'device', trouble: null, track };
      if (!track) {
        source.trouble = error || how;
        source.source = 'synthetic';
        source.track = kind === 'audio' ? tone(this.held) : picture(this.held);
      }
      this.held.push(() => source.track.stop());
      this.sources[kind] = source;
      step(`${kind}: ${track ? `the ${DEVICES[kind]}` : kind === 'audio' ? 'a tone' : 'a picture'} is sent`, source.trouble);
      // Of one that was refused nothing is sent.
      if (!this.isStopped) await transceiver.sender.replaceTrack(source.track).catch(() => {});
    }
    if (this.isStopped) this.stop();
    this.supplied = true;
    this.measure();
  }
  // Both at once, so that the person is asked once; then each alone, since one may be missing.
  async ask() {
    const given = {};
    const get = async (kinds) => {
      const stream = await navigator.mediaDevices.getUserMedia(Object.fromEntries(kinds.map((kind) => [kind, true])));
      for (const track of stream.getTracks()) given[track.kind] = { track };
    };
    try {
      await get(this.kinds);
    } catch (first) {
      for (const kind of this.kinds) {
        await (this.kinds.length > 1 ? get([kind]) : Promise.reject(first)).catch((error) => {
          given[kind] = { error: error.name };
        });
      }
    }
    return given;
  }
  connected() {
    this.isConnected = true;
    this.measure();
  }
  // From the moment when everything comes back, or after some patience.
  async measure() {
    if (!this.isConnected || !this.supplied || this.isMeasuring || this.isStopped) return;
    this.isMeasuring = true;
    const open = this.open();
    const pause = (time) => new Promise((done) => setTimeout(done, time));
    const since = performance.now();
    let before = await counters(this.pc);
    const flows = ({ kind }) => before[kind] && before[kind].in && before[kind].in.packetsReceived > 0;
    while (!this.isStopped && !open.every(flows) && performance.now() < since + BEGINS) {
      await pause(LOOK_EVERY);
      before = await counters(this.pc);
    }
    if (open.length) await pause(this.duration);
    if (this.isStopped) return;
    const now = await counters(this.pc);
    // What is under way comes first, so that both sides count the same packets.
    for (const { transceiver } of open) await transceiver.sender.replaceTrack(null).catch(() => {});
    if (open.length) await pause(LATE);
    const last = await counters(this.pc);
    const rate = (kind) => kbps((now[kind] || {}).in, (before[kind] || {}).in, 'bytesReceived');
    this.streams = open.map(({ kind, transceiver }) => this.stream(kind, transceiver.mid, last[kind] || {}, rate(kind)));
    for (const { kind, sent, received } of this.streams) step(`${kind}: ${sent} packets sent, ${received} came back`);
    this.isDone = true;
    this.done(this.streams);
  }
  stream(kind, mid, { in: back = {}, out = {} }, rate) {
    const { source, trouble } = this.sources[kind];
    return {
      kind,
      mid,
      source,
      trouble,
      sent: whole(out.packetsSent),
      received: whole(back.packetsReceived),
      received_kbps: rate,
      lost: whole(back.packetsLost),
      jitter_ms: Number.isFinite(back.jitter) ? back.jitter * 1000 : null,
      frames_decoded: whole(back.framesDecoded),
      freezes: whole(back.freezeCount),
    };
  }
  facts() {
    return (this.streams || []).map((it) => {
      const pictures = it.kind === 'video' ? `, ${it.frames_decoded} pictures decoded, ${it.freezes || 0} freezes` : '';
      return `${it.kind}: ${it.sent} packets sent, ${it.received} came back, ${it.lost} lost${pictures}`;
    });
  }
  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    $('media').hidden = true;
    for (const release of this.held.splice(0)) release();
  }
}

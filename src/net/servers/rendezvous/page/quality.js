// Numbered datagrams that come back (proto/ice/quality.rs).
class Quality {
  constructor(channel, first, done) {
    this.channel = channel;
    this.tag = crypto.getRandomValues(new Uint32Array(1))[0];
    this.sent = [];
    this.rtts = [];
    this.first = first;
    this.done = done;
  }
  begin() {
    this.started = performance.now();
    this.timer = setInterval(() => this.tick(), INTERVAL);
    this.tick();
  }
  tick() {
    const now = performance.now();
    const isOpen = this.channel.readyState === 'open';
    if (isOpen && now <= this.started + (this.rtts.length ? DURATION : PATIENCE)) {
      const bytes = new Uint8Array(LENGTH);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, PROBE);
      view.setUint32(4, this.sent.length);
      view.setBigUint64(8, BigInt(Math.round(now * 1000)));
      view.setUint32(16, this.tag);
      this.sent.push(now);
      this.channel.send(bytes);
      return;
    }
    const back = this.rtts.filter((rtt) => rtt !== undefined);
    const patience = back.length ? 2 * Math.max(...back) + 50 : 0;
    if (!isOpen || back.length === this.sent.length || now > this.sent.at(-1) + patience) {
      clearInterval(this.timer);
      this.isDone = true;
      this.done();
    }
  }
  came(bytes) {
    if (bytes.length < 20) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const kind = view.getUint32(0);
    const isOwn = view.getUint32(16) === this.tag;
    if (kind === PROBE && !isOwn && bytes.length <= LENGTH) {
      view.setUint32(0, ECHO);
      if (this.channel.readyState === 'open') this.channel.send(bytes);
    } else if (kind === ECHO && isOwn) {
      const number = view.getUint32(4);
      if (number < this.sent.length && this.rtts[number] === undefined) {
        const isFirst = this.rtts.length === 0;
        this.rtts[number] = performance.now() - this.sent[number];
        if (isFirst) this.first();
      }
    }
  }
  measured() {
    const back = this.rtts.filter((rtt) => rtt !== undefined).sort((a, b) => a - b);
    const sent = this.sent.length;
    if (!sent) return null;
    return {
      sent,
      received: back.length,
      loss_percent: Math.round((1 - back.length / sent) * 1e4) / 1e2,
      rtt_ms: back.length ? { min: back[0], median: back[back.length >> 1], max: back.at(-1) } : null,
    };
  }
}

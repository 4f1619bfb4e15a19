'use strict';
(() => {
  // The protocol is that of src/proto/signal: code, seal, session, message and wire.
  const SOFTWARE = 'rtcdiag/RTCDIAG_VERSION';
  const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const HEADER = 26;
  const GREETING = 0, MESSAGE = 1, RECEIPT = 2;
  const PROBE = 0x52544370, ECHO = 0x52544365; // RTCp, RTCe
  const LENGTH = 160, INTERVAL = 20, DURATION = 1000, PATIENCE = 5000;
  // Candidates are told as they come; those that are still missing after so long are none of the usual ones.
  const DIRECTS = 1000;

  const $ = (id) => document.getElementById(id);
  const utf8 = new TextEncoder();
  const began = performance.now();

  // What is shown.
  function state(text, kind) {
    $('state').textContent = text;
    $('state').className = kind || '';
  }
  function advise(text) {
    $('advice').textContent = text;
    $('advice').hidden = !text;
  }
  function item(list, text) {
    const entry = document.createElement('li');
    entry.textContent = text;
    $(list).append(entry);
  }
  const course = [];
  function step(name, detail) {
    const at = Math.round(performance.now() - began);
    course.push({ at_ms: at, event: name, detail: detail || null });
    $('course').hidden = false;
    item('steps', `${at} ms: ${name}${detail ? ` (${detail})` : ''}`);
  }

  // The code (proto/signal/code.rs): gives its ten bytes, or says what is wrong.
  function decode(text) {
    const alike = { O: '0', I: '1', L: '1', U: 'V' };
    const letters = [...text.toUpperCase()].filter((c) => !/[\s\-\u2010-\u2015]/.test(c)).map((c) => alike[c] || c);
    const strange = letters.find((c) => !ALPHABET.includes(c));
    if (strange) throw new Error(`'${strange}' does not occur in a code`);
    if (letters.length !== 17) throw new Error(`a code has 17 letters and digits, and this one has ${letters.length}`);
    const digits = letters.map((c) => ALPHABET.indexOf(c));
    const last = digits.pop();
    const sum = digits.reduce((all, digit, place) => all + digit * (place + 1), 0);
    if (sum % 31 !== last) throw new Error('the code has a typing mistake: its last character does not fit the others');
    const bytes = new Uint8Array(10);
    digits.forEach((digit, index) => {
      for (let bit = 0; bit < 5; bit += 1) {
        const place = index * 5 + bit;
        if (digit & (16 >> bit)) bytes[place >> 3] |= 128 >> (place & 7);
      }
    });
    return bytes;
  }
  function base32(bytes) {
    let text = '', buffer = 0, bits = 0;
    for (const byte of bytes) {
      buffer = (buffer << 8 | byte) & 0xfff;
      bits += 8;
      while (bits >= 5) {
        bits -= 5;
        text += ALPHABET[(buffer >> bits) & 31];
      }
    }
    return bits > 0 ? text + ALPHABET[(buffer << (5 - bits)) & 31] : text;
  }
  const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  function joined(parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
  const equal = (a, b) => a.length === b.length && a.every((byte, index) => byte === b[index]);
  function number64(number) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
    return bytes;
  }

  // Sealing (proto/signal/seal.rs).
  class Seal {
    constructor(code) {
      this.code = code;
      this.keys = new Map();
    }
    async bits(parts, count) {
      const base = await crypto.subtle.importKey('raw', this.code, 'HKDF', false, ['deriveBits']);
      const how = { name: 'HKDF', hash: 'SHA-256', salt: utf8.encode('rtcdiag session code 1'), info: joined(parts) };
      return new Uint8Array(await crypto.subtle.deriveBits(how, base, count));
    }
    async key(purpose, ...names) {
      const parts = [utf8.encode(purpose), ...names];
      const id = hex(joined(parts));
      if (!this.keys.has(id)) {
        const bits = await this.bits(parts, 256);
        this.keys.set(id, await crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['encrypt', 'decrypt']));
      }
      return this.keys.get(id);
    }
    how(head) {
      const iv = new Uint8Array(12);
      iv[0] = head[1];
      iv.set(head.subarray(18, HEADER), 4);
      return { name: 'AES-GCM', iv, additionalData: head };
    }
    async seal(key, from, kind, number, text) {
      const head = joined([new Uint8Array([1, kind]), from, number64(number)]);
      return joined([head, new Uint8Array(await crypto.subtle.encrypt(this.how(head), key, text))]);
    }
    async open(key, envelope) {
      const head = envelope.slice(0, HEADER);
      return new Uint8Array(await crypto.subtle.decrypt(this.how(head), key, envelope.slice(HEADER)));
    }
  }

  // Messages in order, each once (proto/signal/session.rs).
  class Session {
    constructor(code, greeting, send, take) {
      this.seal = new Seal(code);
      this.own = crypto.getRandomValues(new Uint8Array(16));
      this.greeting = utf8.encode(JSON.stringify(greeting));
      this.peer = null;
      this.unconfirmed = [];
      this.first = 0;
      this.expected = 0;
      this.receipts = 0;
      this.out = send;
      this.take = take;
      this.work = Promise.resolve();
    }
    // One thing after the other: cryptography in a browser does not wait.
    queue(what) {
      this.work = this.work.then(what).catch((error) => step('an error of this page', String(error)));
      return this.work;
    }
    async room() {
      return base32(await this.seal.bits([utf8.encode('room')], 128));
    }
    join() {
      this.queue(async () => {
        await this.greet();
        await this.again();
      });
    }
    say(message) {
      const text = utf8.encode(JSON.stringify(message));
      return this.queue(async () => {
        this.unconfirmed.push(text);
        await this.sendNumber(this.first + this.unconfirmed.length - 1);
      });
    }
    async greet() {
      const key = await this.seal.key('greeting', this.own);
      this.out(await this.seal.seal(key, this.own, GREETING, 0, this.greeting));
    }
    async again() {
      for (let index = 0; index < this.unconfirmed.length; index += 1) await this.sendNumber(this.first + index);
    }
    async sendNumber(number) {
      if (!this.peer) return;
      const key = await this.seal.key('message', this.own, this.peer);
      this.out(await this.seal.seal(key, this.own, MESSAGE, number, this.unconfirmed[number - this.first]));
    }
    async receipt() {
      const key = await this.seal.key('message', this.own, this.peer);
      this.out(await this.seal.seal(key, this.own, RECEIPT, this.receipts, number64(this.expected)));
      this.receipts += 1;
    }
    came(envelope) {
      return this.queue(() => this.open(envelope));
    }
    async open(envelope) {
      if (envelope.length < HEADER + 16 || envelope[0] !== 1) return;
      const kind = envelope[1];
      const from = envelope.slice(2, 18);
      const number = Number(new DataView(envelope.buffer, envelope.byteOffset).getBigUint64(18));
      if (equal(from, this.own)) return;
      let text;
      try {
        const key = kind === GREETING
          ? await this.seal.key('greeting', from)
          : await this.seal.key('message', from, this.own);
        text = await this.seal.open(key, envelope);
      } catch {
        step('a message was left out', 'it was changed on the way, or sealed with another code');
        return;
      }
      if (kind === GREETING) return this.greeted(from, text);
      if (!this.peer || !equal(from, this.peer)) return;
      if (kind === RECEIPT) {
        const confirmed = Number(new DataView(text.buffer).getBigUint64(0));
        while (this.first < confirmed && this.unconfirmed.length) {
          this.unconfirmed.shift();
          this.first += 1;
        }
        return;
      }
      if (kind !== MESSAGE || number > this.expected) return;
      if (number === this.expected) {
        this.expected += 1;
        await this.receipt();
        this.take(JSON.parse(new TextDecoder().decode(text)));
      } else {
        await this.receipt();
      }
    }
    async greeted(from, text) {
      if (!this.peer) {
        this.peer = from;
        await this.greet();
        await this.again();
        this.take({ type: 'greeting', greeting: JSON.parse(new TextDecoder().decode(text)) });
      } else if (equal(from, this.peer)) {
        await this.again();
      } else {
        step('somebody else is here with this code');
      }
    }
  }

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

  function place(candidate) {
    const address = candidate && (candidate.address || candidate.ip);
    if (!address || !candidate.port || address.endsWith('.local')) return null;
    return address.includes(':') ? `[${address}]:${candidate.port}` : `${address}:${candidate.port}`;
  }

  class Call {
    constructor(code) {
      this.isOver = false;
      this.candidates = [];
      this.servers = [];
      const greeting = { version: 1, software: SOFTWARE, role: null, relay_only: false, tells_servers: false, kind: 'browser' };
      this.session = new Session(code, greeting, (bytes) => this.send(bytes), (message) => this.take(message));
      addEventListener('pagehide', () => this.socket && this.socket.close());
    }
    send(bytes) {
      if (this.socket && this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes);
    }
    async join() {
      const room = await this.session.room();
      const url = new URL('pair', location.href.split('#')[0]);
      url.protocol = url.protocol.replace('http', 'ws');
      this.socket = new WebSocket(url, ['rtcdiag.1']);
      this.socket.binaryType = 'arraybuffer';
      this.socket.onopen = () => {
        const join = { type: 'join', version: 1, room, member: hex(this.session.own) };
        this.socket.send(JSON.stringify(join));
      };
      this.socket.onmessage = ({ data }) => {
        if (typeof data === 'string') this.notice(JSON.parse(data));
        else this.session.came(new Uint8Array(data));
      };
      this.socket.onclose = () => {
        if (this.isOver || this.refused) return;
        if (this.attempts >= 5) return this.end('The server that both sides meet at cannot be reached any more.', 'Load the page again; if that does not help, ask for a new link.');
        this.attempts = (this.attempts || 0) + 1;
        step('the connection to the server broke', `attempt ${this.attempts} follows`);
        setTimeout(() => this.join(), 300 * this.attempts);
      };
    }
    notice(notice) {
      switch (notice.type) {
        case 'joined':
          this.attempts = 0;
          step('rendezvous reached');
          state('Waiting for the other side …');
          this.session.join();
          this.late = setTimeout(() => {
            if (!this.session.peer) {
              advise('Nobody is here with this code so far. The other side has to be running "rtcdiag pair"; a code that was used already, or has a mistake that fits by chance, has nobody behind it. This page goes on waiting.');
            }
          }, 4000);
          break;
        case 'peer-joined':
          this.session.join();
          break;
        case 'peer-left':
          step('the other side has left the rendezvous');
          if (this.report) break;
          this.gone = setTimeout(() => this.end('The other side has gone before it was done.', 'Ask for a new link.'), 10000);
          break;
        case 'error':
          this.refused = true;
          this.end(
            notice.code === 'room-full' ? 'Two others are in this session already.' : `The server refuses this page: ${notice.message}.`,
            notice.code === 'room-full' ? 'A link is for one browser: ask for one of your own. If you have just loaded this page again, wait a moment and try once more.' : 'Ask for a new link.',
          );
          break;
        default:
      }
    }
    say(message) {
      return this.session.say(message);
    }
    take(message) {
      clearTimeout(this.gone);
      switch (message.type) {
        case 'greeting':
          this.greeted(message.greeting);
          break;
        case 'ice-servers':
          this.servers = message.servers.map((server) => ({ ...server }));
          break;
        case 'offer':
          step('offer received');
          this.answer(message.sdp).catch((error) => this.fault(`the browser refused the offer: ${error.message}`));
          break;
        case 'answer':
          this.old();
          break;
        case 'candidate':
          this.candidates.push({ candidate: message.line, sdpMid: '0', sdpMLineIndex: 0 });
          this.add();
          break;
        case 'connected':
          step('connected, says the other side');
          break;
        case 'failed':
          step('no connection, says the other side');
          this.finish();
          break;
        case 'finished':
          this.theirs = true;
          this.record();
          break;
        case 'ended':
          this.ended(message.reason);
          break;
        case 'report':
          this.show(message.document);
          break;
        default:
      }
    }
    greeted(greeting) {
      advise('');
      step('the other side is there', String(greeting.software));
      state('Connecting …');
      if (!window.RTCPeerConnection) {
        return this.fault('this browser has no WebRTC, or it is switched off by a policy or an extension');
      }
      if (greeting.kind === 'browser') {
        this.fault('both sides are browsers, and one of them has to be rtcdiag');
      }
    }
    old() {
      this.fault('the other side has a version of rtcdiag that knows no browsers: it needs a newer one');
    }
    // Something here makes it impossible: both sides are told.
    fault(what) {
      this.say({ type: 'ended', reason: { why: 'error', message: what } });
      this.end(`It did not work: ${what}.`);
    }
    async answer(sdp) {
      if (this.pc || this.isOver) return;
      if (!/^a=fingerprint:/m.test(sdp)) return this.old();
      this.pc = new RTCPeerConnection({ iceServers: this.servers });
      this.pc.onicecandidate = ({ candidate }) => {
        if (candidate && candidate.candidate) {
          const over = ['udp', 'tcp', 'tls'].find((name) => name === candidate.relayProtocol) || null;
          this.say({ type: 'candidate', line: candidate.candidate, server: candidate.url || null, relay_transport: over });
        } else if (!candidate) {
          this.directs();
          this.say({ type: 'complete' });
          step('all candidates of this browser are known');
        }
      };
      this.pc.onicecandidateerror = (error) => step('a server did not help', `${error.url || ''} ${error.errorText || error.errorCode}`);
      this.pc.oniceconnectionstatechange = () => step(`ICE ${this.pc.iceConnectionState}`);
      this.channel = this.pc.createDataChannel('rtcdiag', { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 });
      this.channel.binaryType = 'arraybuffer';
      this.quality = new Quality(this.channel, () => this.connected(), () => this.finish());
      this.channel.onopen = () => {
        step('data channel open');
        this.quality.begin();
      };
      this.channel.onmessage = ({ data }) => {
        if (data instanceof ArrayBuffer) this.quality.came(new Uint8Array(data));
      };
      await this.pc.setRemoteDescription({ type: 'offer', sdp });
      const answer = await this.pc.createAnswer();
      // Candidates come once it is set, and the other side reads the description first.
      this.say({ type: 'answer', sdp: answer.sdp });
      await this.pc.setLocalDescription(answer);
      step('answer sent');
      this.isDescribed = true;
      this.add();
      setTimeout(() => this.directs(), DIRECTS);
    }
    directs() {
      if (this.hasToldDirects) return;
      this.hasToldDirects = true;
      this.say({ type: 'directs-complete', udp: true });
    }
    add() {
      if (!this.isDescribed) return;
      for (const candidate of this.candidates.splice(0)) {
        this.pc.addIceCandidate(candidate).catch((error) => step('a candidate was left out', error.message));
      }
    }
    async pairs() {
      const stats = this.pc ? await this.pc.getStats() : new Map();
      const pairs = [];
      let selected;
      stats.forEach((entry) => {
        if (entry.type === 'transport') selected = entry.selectedCandidatePairId;
      });
      stats.forEach((entry) => {
        if (entry.type !== 'candidate-pair') return;
        const local = stats.get(entry.localCandidateId);
        const remote = stats.get(entry.remoteCandidateId);
        pairs.push({ entry, local, remote, isSelected: entry.id === selected });
      });
      return pairs;
    }
    async connected() {
      step('data went both ways');
      state('Connected; measuring …', 'good');
      // Until it hears of the nomination, a browser uses whichever pair works; and its statistics may be older than that.
      let chosen;
      for (let tries = 0; tries < 20 && !(chosen && chosen.entry.nominated); tries += 1) {
        if (tries > 0) await new Promise((done) => setTimeout(done, 100));
        chosen = (await this.pairs()).find((pair) => pair.isSelected);
      }
      this.chosen = chosen;
      this.say({ type: 'connected', local: chosen ? place(chosen.local) : null, remote: chosen ? place(chosen.remote) : null });
    }
    finish() {
      if (this.isFinished) return;
      this.isFinished = true;
      this.say({ type: 'finished' });
      this.record();
    }
    // Once nobody measures any more.
    async record() {
      if (this.theirs && !this.isFinished && !(this.quality && this.quality.started)) return this.finish();
      if (!this.theirs || !this.isFinished || this.hasRecorded) return;
      this.hasRecorded = true;
      const pairs = (await this.pairs()).map(({ entry, local, remote }) => ({
        local: place(local),
        local_port: (local && local.port) || null,
        remote: place(remote),
        requests_received: entry.requestsReceived || 0,
      }));
      this.say({ type: 'seen', pairs });
    }
    ended(reason) {
      if (this.report || this.isOver) return;
      const words = {
        done: 'The other side is done.',
        interrupted: 'The other side was stopped.',
        timeout: 'The other side had no more time.',
        error: `The other side gave up: ${reason.message}`,
      };
      step('the other side ends', reason.why);
      this.say({ type: 'ended', reason: { why: 'done' } });
      // Its report follows.
      this.gone = setTimeout(() => this.end(words[reason.why] || 'The other side has ended.'), 3000);
    }
    show(document) {
      this.report = document;
      const isGood = document.outcome === 'good';
      step('report received');
      $('verdict').hidden = false;
      $('summary').textContent = document.summary;
      for (const finding of document.findings || []) {
        item('findings', `${finding.message}${finding.hint ? ` (${finding.hint})` : ''}`);
      }
      this.facts();
      const save = $('save');
      save.hidden = false;
      save.onclick = () => {
        const whole = JSON.stringify({ ...document, browser: { agent: navigator.userAgent, timeline: course, quality: this.measured() } }, null, 2);
        const link = window.document.createElement('a');
        link.href = URL.createObjectURL(new Blob([whole], { type: 'application/json' }));
        link.download = 'rtcdiag-report.json';
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      };
      this.end(isGood ? 'Done: it works.' : 'Done: it does not work as it should.', null, isGood);
    }
    measured() {
      return this.quality ? this.quality.measured() : null;
    }
    facts() {
      const measured = this.measured();
      $('measured').hidden = !measured && !this.chosen;
      if (this.chosen) {
        const { local, remote } = this.chosen;
        const from = place(local) || 'an address that the browser hides';
        const to = place(remote) || 'an address that the browser hides';
        item('facts', `the way: ${from} (${local.candidateType}) to ${to} (${remote.candidateType})`);
      }
      if (measured) {
        item('facts', `${measured.sent} datagrams sent, ${measured.received} came back (${measured.loss_percent} % loss)`);
        if (measured.rtt_ms) item('facts', `round trip ${measured.rtt_ms.median.toFixed(1)} ms in the median, ${measured.rtt_ms.max.toFixed(1)} ms at most`);
      }
    }
    end(text, advice, isGood) {
      if (this.isOver) return;
      this.isOver = true;
      clearTimeout(this.late);
      clearTimeout(this.gone);
      state(text, isGood ? 'good' : 'bad');
      advise(advice || '');
      // What was said last goes out before the connection ends.
      this.session.work.then(() => setTimeout(() => {
        this.socket.close();
        if (this.pc) this.pc.close();
      }, 200));
    }
  }

  function begin(text) {
    let code;
    try {
      code = decode(text);
    } catch (error) {
      state(`This is not a code: ${error.message}.`, 'bad');
      advise('Take the whole link, or type the code that the other side shows.');
      $('ask').hidden = false;
      return;
    }
    advise('');
    $('ask').hidden = true;
    state('Reaching the server …');
    new Call(code).join().catch((error) => state(`It did not work: ${error.message}.`, 'bad'));
  }

  if (!window.isSecureContext || !window.crypto || !crypto.subtle) {
    state('This page cannot do it here: the browser has no cryptography for pages that come over http://.', 'bad');
    advise('Without it the messages of both sides could not be sealed, and whoever is on the way could read and change them, so nothing was sent. What helps: a link that begins with https:// (rtcdiag serve with --tls-cert and --tls-key), or http://localhost on the machine where it runs; or rtcdiag itself on this machine, with the command that stands beside the link.');
    return;
  }
  $('ask').onsubmit = (event) => {
    event.preventDefault();
    begin($('code').value);
  };
  addEventListener('hashchange', () => location.reload());
  if (location.hash.length > 1) {
    begin(decodeURIComponent(location.hash.slice(1)));
  } else {
    state('Type the code that the other side shows.');
    $('ask').hidden = false;
  }
})();

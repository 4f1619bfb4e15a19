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
    const greeting = { version: 1, software: SOFTWARE, role: null, relay_only: false, tells_servers: false, kind: 'browser', media: true };
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
        seen('local', 'rendezvous-joined');
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
        // The place of this page before it was loaded again may not be free yet.
        this.tries = (this.tries || 0) + 1;
        if (notice.code === 'room-full' && this.tries < 4) {
          setTimeout(() => {
            this.refused = false;
            this.join();
          }, 500);
          break;
        }
        this.end(
          notice.code === 'room-full' ? 'Two others are in this session already.' : `The server refuses this page: ${notice.message}.`,
          notice.code === 'room-full' ? 'A link is for one browser: ask for one of your own.' : 'Ask for a new link.',
        );
        break;
      default:
    }
  }
  say(message) {
    return this.session.say(message);
  }
  // Something that happened here: both sides have it.
  tell(event, detail) {
    seen('local', event, detail);
    this.say({ type: 'step', event, detail: detail || null });
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
      case 'media-test':
        this.media = new Media(message, (streams) => {
          this.say({ type: 'media-seen', streams });
          this.measuredAll();
        });
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
      case 'step':
        seen('remote', message.event, message.detail);
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
        this.show(message.document, message.words);
        break;
      default:
    }
  }
  greeted(greeting) {
    advise('');
    step('the other side is there', String(greeting.software));
    state('Connecting …');
    seen('remote', 'rendezvous-joined');
    this.say({ type: 'step', event: 'rendezvous-joined', detail: null });
    if (!window.RTCPeerConnection) {
      return this.fault('this browser has no WebRTC, or it is switched off by a policy or an extension');
    }
    if (greeting.version !== 1) {
      return this.fault('this page and the rtcdiag at the other end are of versions that do not understand each other: load the page again, or update the older one');
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
        if (candidate.url) this.tell('server-answered', candidate.url);
        this.say({ type: 'candidate', line: candidate.candidate, server: candidate.url || null, relay_transport: over });
      } else if (!candidate) {
        this.complete();
      }
    };
    this.tell('peer-connection-created');
    this.pc.onicecandidateerror = (error) => {
      const what = `${error.url || ''}: ${error.errorText || error.errorCode}`;
      step('a server did not help', what);
      this.tell('server-failed', what);
    };
    this.pc.oniceconnectionstatechange = () => {
      const now = this.pc.iceConnectionState;
      step(`ICE ${now}`);
      // Firefox, which has found no address at all, says nothing else.
      if (now === 'failed') this.complete();
      if (now === 'connected') {
        seen('local', 'check-succeeded');
        this.tell('connected');
      }
    };
    this.channel = this.pc.createDataChannel('rtcdiag', { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 });
    this.channel.binaryType = 'arraybuffer';
    this.quality = new Quality(this.channel, () => this.connected(), () => this.measuredAll());
    this.channel.onopen = () => {
      step('data channel open');
      this.tell('channel-opened');
      this.quality.begin();
    };
    this.channel.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.quality.came(new Uint8Array(data));
    };
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    if (this.media) this.media.attach(this.pc);
    this.tell('description-received', 'offer');
    const answer = await this.pc.createAnswer();
    this.tell('description-made', 'answer');
    this.tell('description-sent', 'answer');
    // Candidates come once it is set, and the other side reads the description first.
    this.say({ type: 'answer', sdp: answer.sdp });
    await this.pc.setLocalDescription(answer);
    if (this.media) this.media.answered();
    step('answer sent');
    const dtls = this.pc.sctp && this.pc.sctp.transport;
    if (dtls) {
      dtls.onstatechange = () => {
        step(`DTLS ${dtls.state}`);
        if (dtls.state === 'connected') this.tell('dtls-connected');
        if (dtls.state === 'failed') this.tell('dtls-failed', 'the browser gave the handshake up');
      };
    }
    this.isDescribed = true;
    this.add();
    setTimeout(() => this.directs(), DIRECTS);
  }
  complete() {
    if (this.isComplete) return;
    this.isComplete = true;
    this.directs();
    this.say({ type: 'complete' });
    step('all candidates of this browser are known');
  }
  directs() {
    if (this.hasToldDirects) return;
    this.hasToldDirects = true;
    this.say({ type: 'directs-complete', udp: true });
  }
  add() {
    if (!this.isDescribed) return;
    for (const candidate of this.candidates.splice(0)) {
      this.pc.addIceCandidate(candidate).then(
        () => this.tell('candidate-received', candidate.candidate.split(' ').slice(4, 8).join(' ')),
        (error) => step('a candidate was left out', error.message),
      );
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
    if (this.media) this.media.connected();
    this.tell('data-exchanged');
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
  // The path, and sound and picture.
  measuredAll() {
    const isOpen = this.channel.readyState === 'open';
    if (this.quality.isDone && !(isOpen && this.media && !this.media.isDone)) this.finish();
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
  // An older version of the other side has no words for this reader: its own are shown, and whose they are.
  show(document, words) {
    this.report = document;
    const isGood = document.outcome === 'good';
    step('report received');
    $('verdict').hidden = false;
    $('summary').textContent = words ? words.summary : document.summary;
    $('whose').hidden = Boolean(words);
    const theirs = (document.result && document.result.steps) || [];
    const mirrored = { local: 'remote', remote: 'local' };
    for (const [index, row] of theirs.entries()) {
      const own = steps[index];
      if (!own || own.step !== row.step || own.status === 'done') continue;
      if (row.status === 'done') Object.assign(own, { status: 'done', at_ms: null });
      else Object.assign(own, { status: row.status, side: mirrored[row.side] || row.side, detail: words ? words.details[index] : row.detail });
    }
    rows();
    const found = ({ message, hint }) => `${message}${hint ? ` (${hint})` : ''}`;
    for (const text of words ? words.findings : (document.findings || []).map(found)) item('findings', text);
    this.facts();
    const save = $('save');
    save.hidden = false;
    save.onclick = () => {
      const whole = JSON.stringify({ ...document, browser: { agent: navigator.userAgent, steps, timeline: course, quality: this.measured(), media: this.media ? this.media.streams : null } }, null, 2);
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
    if (this.media) this.media.facts().forEach((fact) => item('facts', fact));
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
    if (this.media) this.media.stop();
    state(text, isGood ? 'good' : 'bad');
    advise(advice || '');
    if (!isGood && !this.report) stopped();
    // What was said last goes out before the connection ends.
    this.session.work.then(() => setTimeout(() => {
      this.socket.close();
      if (this.pc) this.pc.close();
    }, 200));
  }
}

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

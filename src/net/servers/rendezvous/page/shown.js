'use strict';
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

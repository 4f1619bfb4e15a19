// The steps of the call (proto/ice/steps.rs), seen from this browser: it answers.
const steps = RTCDIAG_STEPS;
const whose = { local: 'this browser', remote: 'the other side', both: 'both', between: 'between the two' };
function rows() {
  $('call').hidden = false;
  $('rows').replaceChildren(...steps.map(({ message, status, at_ms, side, detail }) => {
    const row = document.createElement('li');
    const when = { done: at_ms === null ? 'done' : `${at_ms} ms`, stopped: `stopped here, ${whose[side]}`, failed: 'failed', skipped: 'none' }[status];
    row.textContent = message + (when ? `: ${when}` : '') + (detail ? ` (${detail})` : '');
    row.className = { done: 'good', stopped: 'bad' }[status] || 'quiet';
    return row;
  }));
}
const find = (step, side) => steps.find((it) => it.step === step && (!side || it.side === side));
function mark(entry, status, detail) {
  if (!entry || entry.status === 'done') return;
  entry.status = status || 'done';
  if (entry.status === 'done') entry.at_ms = Math.round(performance.now() - began);
  if (detail) entry.detail = detail;
  rows();
}
// What both have to do is done once both have done it.
const halves = {};
function half(step, side) {
  halves[step] = halves[step] || new Set();
  halves[step].add(side);
  if (halves[step].size === 2) mark(find(step));
}
// What either end says of itself. "local" is this browser.
function seen(side, event, detail) {
  const other = side === 'local' ? 'remote' : 'local';
  switch (event) {
    case 'rendezvous-joined': return half('signalling', side);
    case 'peer-connection-created': return half('peer-connections', side);
    case 'description-made':
    case 'description-sent':
    case 'description-received': return mark(find(event, side));
    case 'server-answered': return mark(find('servers'));
    case 'server-failed': return find('servers').status === 'done' ? undefined : mark(find('servers'), 'failed', detail);
    // Those of the one, once the other has added them.
    case 'candidate-received': return mark(find('candidates', other));
    case 'check-succeeded': return mark(find('checks'));
    case 'connected': return mark(find('connected'));
    case 'dtls-connected': return mark(find('dtls'));
    case 'channel-opened': return mark(find('channel'));
    case 'data-exchanged': return mark(find('data'));
    default: return undefined;
  }
}
// The first that is missing, where nobody else has said where it stopped.
function stopped() {
  if (steps.some(({ status }) => status === 'stopped')) return;
  const first = steps.find(({ step, status }) => status !== 'done' && step !== 'servers' && step !== 'candidates');
  if (!first) return;
  const done = halves[first.step];
  if (done && done.size === 1) first.side = done.has('local') ? 'remote' : 'local';
  mark(first, 'stopped');
}

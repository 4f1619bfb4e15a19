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

function start() {
  if (!window.isSecureContext || !window.crypto || !crypto.subtle) {
    const isPlain = !window.isSecureContext;
    state(`This page cannot do it here: ${isPlain ? 'the browser has no cryptography for pages that come over http://' : 'this browser has no WebCrypto, or it is switched off'}.`, 'bad');
    advise(isPlain
      ? 'What is protected: the code, which has not left this browser, and the session, of which nothing was sent. What is not: this page. It came over http://, so whoever is on the way can read and change it, and sealing by a page that can be changed would protect nothing. What helps: a link that begins with https:// (rtcdiag serve with --tls-cert and --tls-key), or http://localhost on the machine where it runs; or rtcdiag itself on this machine, with the command that stands beside the link.'
      : 'Without it the messages of both sides could not be sealed, so nothing was sent. What helps: another browser, a newer one, or rtcdiag itself on this machine.');
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
}
start();

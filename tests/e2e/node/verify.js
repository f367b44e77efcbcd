// Verifies what codedriftd's webhook plugin sent with software that is not codedriftd's. On stdin: {"secret": "whsec_…",
// "pkcs8": base64 of an Ed25519 key, "requests": [{"headers": {…}, "body": "…"}]}. On stdout: one object for each request.
const crypto = require('crypto');
const { HTTP } = require('cloudevents');
const { Webhook } = require('standardwebhooks');

const input = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const webhook = new Webhook(input.secret);
const publicKey = crypto.createPublicKey(
  crypto.createPrivateKey({ key: Buffer.from(input.pkcs8, 'base64'), format: 'der', type: 'pkcs8' }));

function accepts(verify) {
  try {
    return verify() !== false;
  } catch (error) {
    return false;
  }
}

function hmac(headers, body) {
  return accepts(() => webhook.verify(body, headers));
}

// standardwebhooks knows v1 alone, so this is done with what Node has.
function ed25519(headers, body) {
  const text = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  return headers['webhook-signature'].split(' ').filter((one) => one.startsWith('v1a,'))
    .some((one) => crypto.verify(null, text, publicKey, Buffer.from(one.slice(4), 'base64')));
}

function event(headers, body) {
  const message = { headers, body };
  if (!HTTP.isEvent(message)) return null;
  const found = HTTP.toEvent(message);
  found.validate();
  return found.toJSON();
}

console.log(JSON.stringify(input.requests.map(({ headers, body }) => ({
  hmac: hmac(headers, body),
  ed25519: ed25519(headers, body),
  hmacOfAnother: hmac(headers, body + ' '),
  ed25519OfAnother: ed25519(headers, body + ' '),
  event: event(headers, body),
}))));

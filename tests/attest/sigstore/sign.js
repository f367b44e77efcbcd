// Signs the statement on stdin as Sigstore's npm packages do, with a fresh key of each kind, and prints a JSON list of
// {what, public_key, attestation}: bundles of both media types, and the bare envelope that is in one.
'use strict';
const crypto = require('node:crypto');
const { bundleToJSON, toDSSEBundle } = require('@sigstore/bundle');
const { dsse } = require('@sigstore/core');

const TYPE = 'application/vnd.in-toto+json';
const statement = require('node:fs').readFileSync(0);
const signed = [];
for (const kind of ['ed25519', 'ec']) {
  const { publicKey, privateKey } = crypto.generateKeyPairSync(kind, kind === 'ec' ? { namedCurve: 'P-256' } : {});
  const message = dsse.preAuthEncoding(TYPE, statement);
  const signature = crypto.sign(kind === 'ec' ? 'sha256' : null, message, privateKey);
  const public_key = publicKey.export({ type: 'spki', format: 'pem' });
  for (const certificateChain of [false, true]) {
    const bundle = bundleToJSON(
      toDSSEBundle({ artifact: statement, artifactType: TYPE, signature, keyHint: 'ci', certificateChain }));
    signed.push({ what: `${kind}, ${bundle.mediaType}`, public_key, attestation: JSON.stringify(bundle) });
    if (certificateChain) continue;
    signed.push({ what: `${kind}, envelope`, public_key, attestation: JSON.stringify(bundle.dsseEnvelope) });
  }
}
console.log(JSON.stringify(signed, null, 1));

"""Signs the statement on stdin with securesystemslib, with a fresh key of each kind, and prints a JSON list of
{what, public_key, attestation}: an envelope in each alphabet of base64, and one with a second signature by a stranger.

Debian 12's securesystemslib has signers and no envelopes yet; the envelope is written here as DSSE's protocol.md says.
"""
import base64
import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib import keys
from securesystemslib.signer import SSlibSigner

TYPE = "application/vnd.in-toto+json"


def public_pem(key):
    public = key["keyval"]["public"]
    if key["keytype"] != "ed25519":
        return public
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def envelope(statement, signers, encode):
    kind = TYPE.encode()
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(statement), statement)
    made = [signer.sign(message) for signer in signers]
    return json.dumps({
        "payload": encode(statement).decode(),
        "payloadType": TYPE,
        "signatures": [{"keyid": one.keyid, "sig": encode(bytes.fromhex(one.signature)).decode()} for one in made],
    })


def main():
    statement = sys.stdin.buffer.read()
    signed = []
    for generate in (keys.generate_ed25519_key, keys.generate_ecdsa_key):
        key, stranger = generate(), keys.generate_ed25519_key()
        ours = SSlibSigner(key)
        for what, signers, encode in (
                ("standard", [ours], base64.standard_b64encode),
                ("URL-safe", [ours], base64.urlsafe_b64encode),
                ("a stranger first", [SSlibSigner(stranger), ours], base64.standard_b64encode)):
            signed.append({"what": f"{key['keytype']}, {what}", "public_key": public_pem(key),
                           "attestation": envelope(statement, signers, encode)})
    json.dump(signed, sys.stdout, indent=1)


main()

#!/usr/bin/env python3
"""A mail server for tests (Debian's python3-aiosmtpd): on loopback, until it is ended.

Writes its port to FOLDER/port, and each mail to FOLDER/mail-N.json.
"""
import argparse
import asyncio
import json
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, options):
        self.options = options
        self.mails = 0
        self.put_off = set()
        for mechanism in options.also:
            setattr(self, "auth_" + mechanism.replace("-", "__"), refuse)

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if self.options.mail_answer:
            return self.options.mail_answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        for rule in self.options.rcpt_answer:
            who, answer = rule.split("=", 1)
            if who == address:
                return answer
        for rule in self.options.rcpt_answer_once:
            who, answer = rule.split("=", 1)
            if who == address and who not in self.put_off:
                self.put_off.add(who)
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.options.data_answer:
            return self.options.data_answer
        self.mails += 1
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode("ascii"),
            "tls": session.ssl is not None or self.options.tls == "first",
            "mechanism": getattr(session, "mechanism", None),
        }
        write(self.options.folder, f"mail-{self.mails}.json", json.dumps(mail))
        return f"250 2.0.0 queued as {self.mails}"


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


async def refuse(server, args):
    return AuthResult(success=False, handled=False)


def authenticate(server, session, envelope, mechanism, data):
    session.mechanism = mechanism
    good = (data.login, data.password) == (b"ops", b"fake-password-0001")
    return AuthResult(success=good, handled=False)


async def serve(options):
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
    handler = Handler(options)

    def connection():
        return SMTP(
            handler,
            hostname="mail.test",
            tls_context=context if options.tls == "starttls" else None,
            require_starttls=options.tls == "starttls",
            authenticator=authenticate,
            auth_required=options.auth_required,
            auth_require_tls=options.tls == "starttls",
            auth_exclude_mechanism=options.without,
        )

    server = await asyncio.get_running_loop().create_server(
        connection, "127.0.0.1", 0, ssl=context if options.tls == "first" else None
    )
    write(options.folder, "port", str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--tls", choices=["none", "starttls", "first"], default="none")
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--auth-required", action="store_true")
parser.add_argument("--without", action="append", default=[], help="a mechanism that is not offered")
parser.add_argument("--also", action="append", default=[], help="a mechanism that is offered and lets nobody in")
parser.add_argument("--mail-answer")
parser.add_argument("--rcpt-answer", action="append", default=[], help="ADDRESS=ANSWER")
parser.add_argument("--rcpt-answer-once", action="append", default=[], help="ADDRESS=ANSWER, the first time alone")
parser.add_argument("--data-answer")
asyncio.run(serve(parser.parse_args()))

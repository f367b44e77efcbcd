// node generate.mjs ORIGIN: takes the description of the API from there, validates it, and makes a client of it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

import { createClient } from '@hey-api/openapi-ts';
import { Validator } from '@seriousme/openapi-schema-validator';

const reply = await fetch(`${process.argv[2]}/openapi.json`);
if (!reply.ok) throw new Error(`openapi.json: ${reply.status}`);
const description = await reply.json();
writeFileSync('openapi.json', JSON.stringify(description));

const { valid, errors } = await new Validator().validate('./openapi.json');
if (!valid) throw new Error(`openapi.json is no OpenAPI: ${JSON.stringify(errors)}`);

await createClient({
  input: './openapi.json',
  output: 'generated',
  logs: { level: 'silent' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
});
try {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', '.'], { encoding: 'utf8' });
} catch (error) {
  throw new Error(`the client does not compile: ${error.stdout}`);
}

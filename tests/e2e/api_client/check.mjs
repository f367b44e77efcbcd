// node check.mjs ORIGIN: asks for each path on stdin (a list of {path, status}), and holds each reply against the
// description that generate.mjs took. A member that is not described is a mistake.
import { readFileSync } from 'node:fs';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const description = JSON.parse(readFileSync('openapi.json', 'utf8'));
for (const schema of Object.values(description.components.schemas)) close(schema);

function close(schema) {
  if (schema === null || typeof schema !== 'object') return;
  if (schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  Object.values(schema).forEach(close);
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema({ $id: 'api', ...description });

const mistakes = [];
for (const { path, status } of JSON.parse(readFileSync(0, 'utf8'))) {
  const reply = await fetch(process.argv[2] + path);
  const type = reply.headers.get('content-type').split(';')[0];
  const text = await reply.text();
  if (reply.status !== status) mistakes.push(`${path}: ${reply.status} ${text.slice(0, 300)}`);
  const described = description.paths[path.split('?')[0]].get.responses[reply.status];
  const media = described?.content?.[type];
  if (!media) mistakes.push(`${path}: ${reply.status} with ${type} is not described`);
  else if (/[/+]json$/.test(type) && !ajv.validate({ $ref: `api${media.schema.$ref}` }, JSON.parse(text)))
    mistakes.push(`${path}: ${ajv.errorsText()}`);
}
console.log(JSON.stringify(mistakes));

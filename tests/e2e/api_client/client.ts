// What a user of the generated client writes. node compiled/client.js ORIGIN: prints what it was given.
import { alerts, coverage, events, history, inventory, status } from './generated';
import type { EventRow, StatusRow } from './generated';
import { client } from './generated/client.gen';

declare const process: { argv: string[]; exit(code: number): never };

async function main(): Promise<void> {
  client.setConfig({ baseUrl: process.argv[2] });

  const drifted = await status({ query: { status: ['drifted'] }, throwOnError: true });
  const rows: StatusRow[] = drifted.data.rows;
  const of = rows.map((row) => row.target);
  const changes = await events({ query: { target: of, kind: ['drift.*'], limit: 10 }, throwOnError: true });
  const severities: EventRow['severity'][] = changes.data.rows.map((row) => row.severity);
  const sent = await alerts({ query: { target: of, attempts: true }, throwOnError: true });
  const everything = await status({ query: { all: true }, throwOnError: true });
  const runs = await history({ query: { function: ['charge', 'refund'] }, throwOnError: true });
  const seen = await coverage({ query: { since: '1h' }, throwOnError: true });
  const found = await inventory();
  const wrong = await status({ query: { status: ['drifte'] } });
  const nobody = await status({ query: { target: ['nobody'] } });

  console.log(
    JSON.stringify({
      drifted: drifted.data,
      severities,
      events: changes.data,
      alerts: sent.data,
      status: everything.data,
      history: runs.data,
      coverage: seen.data,
      inventory: { status: found.response.status, problem: found.error },
      wrong: { status: wrong.response.status, problem: wrong.error },
      nobody: { status: nobody.response.status, problem: nobody.error },
    }),
  );
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

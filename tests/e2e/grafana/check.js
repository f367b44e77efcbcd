// Holds the dashboard given as the argument against Grafana's own types of dashboards, and prints what does not fit.
const fs = require('fs');
const path = require('path');
const ts = require('typescript');

const text = fs.readFileSync(process.argv[2], 'utf8');
JSON.parse(text);
// The one field whose type is an enumeration, for which a text does not do in TypeScript.
const literal = text.replace(/"mode": "(absolute|percentage)"/g,
  (_, mode) => `"mode": ThresholdsMode.${mode[0].toUpperCase()}${mode.slice(1)}`);
const file = path.join(__dirname, 'dashboard.ts');
fs.writeFileSync(file, `import { type Dashboard, ThresholdsMode } from '@grafana/schema';\nexport const dashboard: Dashboard = ${literal};\n`);
const program = ts.createProgram([file], {
  noEmit: true, strict: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext });
const found = ts.getPreEmitDiagnostics(program);
for (const each of found) {
  const where = each.file ? each.file.getLineAndCharacterOfPosition(each.start).line : 0;
  console.log(`line ${where}: ${ts.flattenDiagnosticMessageText(each.messageText, ' ')}`);
}
process.exitCode = found.length === 0 ? 0 : 1;

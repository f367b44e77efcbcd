// Opens the report given as the first argument in headless Chromium and prints what it found as JSON. Screenshots go
// into the folder given as the second one.
const { chromium } = require('playwright-core');
const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');

async function main() {
  const [file, folder] = process.argv.slice(2);
  const url = pathToFileURL(path.resolve(file)).href;
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    timeout: 30000,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
  try {
    const found = { console: [], requests: [], violations: {}, text: '', overflow: {} };
    const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
    const looks = [
      { name: 'light', colorScheme: 'light', media: 'screen', width: 1280 },
      { name: 'dark', colorScheme: 'dark', media: 'screen', width: 1280 },
      { name: 'narrow', colorScheme: 'light', media: 'screen', width: 380 },
      { name: 'print', colorScheme: 'dark', media: 'print', width: 1040 },
    ];
    for (const look of looks) {
      const context = await browser.newContext({
        bypassCSP: false, colorScheme: look.colorScheme, viewport: { width: look.width, height: 900 } });
      const page = await context.newPage();
      page.on('console', (message) => found.console.push(`${look.name}: ${message.text()}`));
      page.on('pageerror', (error) => found.console.push(`${look.name}: ${error.message}`));
      page.on('dialog', (dialog) => { found.console.push(`${look.name}: a dialog`); dialog.dismiss(); });
      page.on('request', (request) => { if (request.url() !== url) found.requests.push(request.url()); });
      await page.emulateMedia({ media: look.media, colorScheme: look.colorScheme });
      await page.goto(url);
      found.overflow[look.name] = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await page.screenshot({ path: path.join(folder, `${look.name}.png`), fullPage: look.name === 'light' });
      if (look.name === 'light') {
        found.text = await page.innerText('main');
        await page.keyboard.press('Tab');
        found.firstFocus = await page.evaluate(() => document.activeElement.textContent);
      }
      if (look.name === 'print') await page.pdf({ path: path.join(folder, 'report.pdf'), preferCSSPageSize: true });
      if (look.name === 'light' || look.name === 'dark') {
        // The protocol evaluates whatever the page's policy says; the page itself has no script.
        await page.evaluate(axe);
        const result = await page.evaluate(() => window.axe.run(document));
        found.violations[look.name] = result.violations.map(
          (v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' ')}`);
        found.passes = result.passes.length;
      }
      await context.close();
    }
    process.stdout.write(JSON.stringify(found));
  } finally {
    await browser.close();
  }
}

main().catch((error) => { console.error(error.message); process.exitCode = 1; });

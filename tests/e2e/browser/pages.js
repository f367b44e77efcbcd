// Walks through the pages of a running daemon in headless Chromium and prints what it found as JSON. Arguments: the
// address of the site; a folder for screenshots; the path of a function's page; a folder in which this script and the
// test tell each other how far they are, by files.
const { chromium } = require('playwright-core');
const fs = require('fs');
const path = require('path');

const [site, shots, functionPage, signs] = process.argv.slice(2);
const pages = { functions: '/', function: functionPage, alerts: '/alerts', log: '/log' };
const found = { console: [], requests: [], violations: {}, overflow: {}, passes: 0, policy: '', text: {}, keyboard: {},
  still: {}, quiet: {}, live: {} };
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const looks = [
  { name: 'light', colorScheme: 'light', media: 'screen', width: 1440 },
  { name: 'dark', colorScheme: 'dark', media: 'screen', width: 1440 },
  { name: 'narrow', colorScheme: 'light', media: 'screen', width: 380 },
  { name: 'print', colorScheme: 'dark', media: 'print', width: 1040 },
];

function say(sign) { fs.writeFileSync(path.join(signs, sign), ''); }

async function heard(sign) {
  for (let i = 0; i < 600; ++i) {
    if (fs.existsSync(path.join(signs, sign))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the test did not say "${sign}"`);
}

/// A page whose every word, error and request is kept.
async function watched(context, name) {
  const page = await context.newPage();
  page.on('console', (message) => found.console.push(`${name}: ${message.text()}`));
  page.on('pageerror', (error) => found.console.push(`${name}: ${error.message}`));
  page.on('dialog', (dialog) => { found.console.push(`${name}: a dialog`); dialog.dismiss(); });
  page.on('request', (request) => {
    if (!request.url().startsWith(site + '/') && !request.url().startsWith('data:')) found.requests.push(request.url());
  });
  return page;
}

async function lookAt(browser) {
  for (const look of looks) {
    const context = await browser.newContext({ colorScheme: look.colorScheme, viewport: { width: look.width, height: 900 } });
    for (const [name, where] of Object.entries(pages)) {
      const page = await watched(context, `${name} ${look.name}`);
      await page.emulateMedia({ media: look.media, colorScheme: look.colorScheme });
      const reply = await page.goto(site + where);
      found.policy = reply.headers()['content-security-policy'] || '';
      found.overflow[`${name} ${look.name}`] = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await page.screenshot({ path: path.join(shots, `${name}-${look.name}.png`), fullPage: true });
      if (look.name === 'print') await page.pdf({ path: path.join(shots, `${name}.pdf`), preferCSSPageSize: true });
      if (look.name === 'light' || look.name === 'dark') {
        found.text[name] = await page.innerText('main');
        await page.evaluate(axe);  // the protocol evaluates whatever the page's policy says
        const result = await page.evaluate(() => window.axe.run(document));
        found.violations[`${name} ${look.name}`] = result.violations.map(
          (v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' ')}`);
        found.passes += result.passes.length;
      }
      await page.close();
    }
    await context.close();
  }
}

/// Tab alone leads to the skip link, the search and the first function, and Enter opens it.
async function walk(browser) {
  const context = await browser.newContext();
  const page = await watched(context, 'keyboard');
  await page.goto(site + '/');
  const focused = () => page.evaluate(() => {
    const e = document.activeElement;
    return e.name === 'q' ? 'search' : e.classList.contains('function') ? 'function' : e.textContent;
  });
  await page.keyboard.press('Tab');
  found.keyboard.first = await focused();
  await page.keyboard.press('Enter');
  found.keyboard.skipped = await page.evaluate(() => document.activeElement.id);
  await page.goto(site + '/');
  const seen = [];
  for (let i = 0; i < 40 && seen.at(-1) !== 'function'; ++i) {
    await page.keyboard.press('Tab');
    seen.push(await focused());
  }
  found.keyboard.search = seen.includes('search');
  found.keyboard.outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  await Promise.all([page.waitForURL('**/function/**'), page.keyboard.press('Enter')]);
  found.keyboard.opened = await page.innerText('h1');
  await context.close();
}

/// Everything works without scripts: links, the search, the folds.
async function still(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await watched(context, 'no script');
  await page.goto(site + '/');
  await page.click('ul.counts a[href*="status=drifted"]');
  found.still.drifted = await page.locator('tbody tr').count();
  await page.fill('input[name=q]', 'nothing-of-the-kind');
  await page.press('input[name=q]', 'Enter');
  found.still.nothing = await page.innerText('main');
  await page.goto(site + '/alerts');
  await page.locator('summary').first().click();
  found.still.attempts = await page.locator('ol.attempts li').first().isVisible();
  await page.goto(site + '/log');
  found.still.events = await page.locator('tbody tr').count();
  await context.close();
}

/// While nothing happens but polls, nothing is said; and an answer that is none is told as what it is.
async function quiet(browser) {
  const context = await browser.newContext();
  const told = found.console.length;
  for (const [name, where] of [['functions', '/?q=charge'], ['function', functionPage]]) {
    const page = await watched(context, 'quiet');
    await page.clock.install();
    await page.goto(site + where);
    const refresh = async () => {
      const before = await page.innerText('#asof');
      for (let i = 0; i < 20 && await page.innerText('#asof') === before; ++i) {
        await page.clock.runFor(15000);
        await new Promise((resolve) => setTimeout(resolve, 1500));
      }
      return await page.innerText('#asof') !== before;
    };
    const polled = () => page.locator('.poll').first().innerText();
    const before = await polled();
    const refreshed = [await refresh(), await refresh(), await refresh()];
    found.quiet[name] = { refreshed, polled: await polled() !== before, note: await page.innerText('#live') };
    await page.route('**/*', (route) => route.fulfill({ status: 503, body: 'busy' }));
    for (let i = 0; i < 20 && await page.innerText('#live') === ''; ++i) {
      await page.clock.runFor(15000);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    found.quiet[name].busy = await page.innerText('#live');
    await page.close();
  }
  found.console.length = told;  // the browser itself says that it was a 503
  await context.close();
}

/// What drifts while the page is open is there without loading it again; that nobody answers is said.
async function live(browser) {
  const context = await browser.newContext();
  const page = await watched(context, 'live');
  await page.clock.install();
  await page.goto(site + '/');
  const row = page.locator('tbody tr', { hasText: 'steady:' });
  found.live.before = await row.locator('.badge').innerText();
  await page.evaluate(() => { window.sameDocument = true; });
  const link = row.locator('a.function');
  await link.focus();
  say('watching');
  await heard('drifted');
  for (let i = 0; i < 20 && !/drifted/.test(await row.locator('.badge').innerText()); ++i) {
    await page.clock.runFor(15000);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  found.live.after = await row.locator('.badge').innerText();
  found.live.note = await page.innerText('#live');
  found.live.sameDocument = await page.evaluate(() => window.sameDocument === true);
  found.live.focus = await page.evaluate(() => document.activeElement.textContent);
  const told = found.console.length;
  say('watched');
  await heard('stopped');
  for (let i = 0; i < 20 && !/No answer/.test(await page.innerText('#live')); ++i) {
    await page.clock.runFor(15000);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  found.live.lost = await page.innerText('#live');
  found.console.length = told;  // the browser itself says that nobody answers
  await context.close();
}

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    timeout: 30000,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
  try {
    await lookAt(browser);
    await walk(browser);
    await still(browser);
    await quiet(browser);
    await live(browser);
    process.stdout.write(JSON.stringify(found));
  } finally {
    await browser.close();
  }
}

main().catch((error) => { console.error(error.stack); process.exitCode = 1; });

import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const QUIET = [
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--disable-gpu',
];

/** How long a page may take to show what it is asked for. */
const WAIT_MS = 30_000;

/** The browser of this machine: `LOCH_CHROMIUM`, or where packages put it. Undefined when there is none. */
export function browserPath(): string | undefined {
  return [process.env.LOCH_CHROMIUM, ...PLACES].find((path) => path !== undefined && existsSync(path));
}

/** A fresh browser of its own profile, 1280 pixels wide. The caller closes it. */
export async function openBrowser(): Promise<BrowserContext> {
  const root = process.getuid?.() === 0;
  const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'loch-browser-')), {
    executablePath: browserPath()!,
    headless: true,
    viewport: { width: 1280, height: 860 },
    args: [...QUIET, ...(root ? ['--no-sandbox'] : [])],
  });
  browser.setDefaultTimeout(WAIT_MS);
  return browser;
}

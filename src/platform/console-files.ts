import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'hono';
import type { ApiEnvironment } from '../doors/console-api/app.ts';

const folder = fileURLToPath(new URL('../../console/', import.meta.url));
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const SECURITY = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Serves the built console. In a clone it is built when its sources changed, on the first request. */
export function consoleFiles(): (c: Context<ApiEnvironment>) => Promise<Response> {
  let built: Promise<void> | undefined;
  return async (c) => {
    built ??= buildWhenStale();
    await built;
    const name = c.req.path === '/' ? 'index.html' : normalize(c.req.path).replace(/^\/+/, '');
    const file = join(folder, 'dist', name);
    if (name.startsWith('..') || !existsSync(file)) return c.text('Not found. The console is at /', 404);
    const cache = name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    return c.body(readFileSync(file), 200, {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'cache-control': cache,
      ...SECURITY,
    });
  };
}

/** A packaged console has no sources and is served as it is. */
async function buildWhenStale(): Promise<void> {
  const sources = globSync('{src/**/*,index.html,vite.config.ts}', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (sources.length === 0) return;
  const hash = createHash('sha256');
  for (const source of sources) hash.update(source).update(readFileSync(source));
  const wanted = hash.digest('hex');
  const stamp = join(folder, 'dist', '.built-from');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const { build } = await import('vite');
  await build({ configFile: join(folder, 'vite.config.ts'), logLevel: 'error' });
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(stamp, wanted);
}

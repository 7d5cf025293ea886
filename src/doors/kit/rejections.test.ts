import type { IncomingMessage } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { type AuditPart, openAudit } from '../../governance/audit/index.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { createRejections } from './rejections.ts';
import { anonymousPrincipal } from './request-facts.ts';

const clock = fixedClock(Date.parse('2026-03-01T12:00:00Z'));
let folder: string;
let store: MetadataStore;
let part: AuditPart;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-rejections-'));
  store = await openSqliteStore({
    file: join(folder, 'store.db'),
    modules: [new URL('../../governance/audit/store.ts', import.meta.url)],
  });
  part = openAudit({ store, clock });
});
afterEach(async () => {
  await part.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const request = {
  url: '/bucket/key',
  headers: { authorization: 'AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260301/us-east-1/s3/aws4_request, …' },
} as IncomingMessage;
const anonymous = contextOf('root', { principal: anonymousPrincipal('000000000000') });
const failure = new LochError('signature_mismatch', 'The signature does not match.');
const rejection = {
  request,
  context: anonymous,
  failure,
  eventSource: 's3.amazonaws.com',
  eventName: 'GetObject',
  errorCode: 'SignatureDoesNotMatch',
};

async function recorded() {
  const trail = part.trail(async () => {});
  const events = [];
  let nextToken: string | undefined;
  do {
    const page = await trail.lookupEvents(contextOf(), nextToken === undefined ? {} : { nextToken });
    events.push(...page.events);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return events;
}

it('records who claimed to ask for what, and gives the failure back', async () => {
  const rejected = createRejections(part.audit, clock);
  expect(await rejected(rejection)).toBe(failure);
  const [event] = await recorded();
  expect(event).toMatchObject({ eventName: 'GetObject', username: 'anonymous', errorCode: 'SignatureDoesNotMatch' });
  expect(JSON.parse(event!.body)).toMatchObject({
    readOnly: true,
    additionalEventData: { claimedAccessKeyId: 'AKIAEXAMPLE' },
  });
});

it('leaves to others what is no rejection', async () => {
  const rejected = createRejections(part.audit, clock);
  await rejected({ ...rejection, failure: new LochError('invalid_argument', 'Something else.') });
  await rejected({ ...rejection, context: contextOf('root') });
  expect(await recorded()).toEqual([]);
});

it('does not let who cannot sign fill the trail, and counts what was left out', async () => {
  const rejected = createRejections(part.audit, clock);
  await Promise.all(Array.from({ length: 300 }, () => rejected(rejection)));
  expect((await recorded()).length).toBe(200);
  clock.advance(1000);
  await Promise.all(Array.from({ length: 30 }, () => rejected(rejection)));
  const events = await recorded();
  expect(events.length).toBe(220);
  const leftOut = events.map(({ body }) => JSON.parse(body).additionalEventData.rejectionsLeftOutBefore ?? 0);
  expect(leftOut.reduce((a, b) => a + b, 0)).toBe(100);
});

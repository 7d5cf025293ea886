import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import { fixedClock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import type { Trail } from './contract.ts';
import { type AuditPart, openAudit } from './index.ts';

const DAY = 24 * 60 * 60 * 1000;
const START = Date.parse('2026-03-01T12:00:00Z');
const clock = fixedClock(START);
let folder: string;
let store: MetadataStore;
let part: AuditPart;
let trail: Trail;
const modules = [new URL('./store.ts', import.meta.url)];

function caller(name: string, requestId = `request-${name}`): RequestContext {
  return {
    requestId,
    principal: {
      kind: name === 'root' ? 'root' : 'user',
      arn: `arn:aws:iam::000000000000:${name === 'root' ? 'root' : `user/${name}`}`,
      id: name === 'root' ? '000000000000' : `AIDA${name.toUpperCase()}`,
      name,
      accountId: '000000000000',
      accessKeyId: `AKIA${name.toUpperCase()}`,
    },
    accountId: '000000000000',
    region: 'us-east-1',
    door: 'aws',
    sourceIp: '10.1.2.3',
    userAgent: 'aws-cli/2',
    secure: true,
    signal: new AbortController().signal,
    startedAt: START,
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-audit-'));
  store = await openSqliteStore({ file: join(folder, 'store.db'), modules });
  part = openAudit({ store, clock });
  trail = part.trail(async (context) => {
    if (context.principal.kind !== 'root') throw new LochError('access_denied', 'Only root here.');
  });
});

afterEach(async () => {
  await part.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const record = (context: RequestContext, eventName: string, more: object = {}) =>
  part.audit.recordManagement(context, {
    eventSource: 'glue.amazonaws.com',
    eventName,
    readOnly: eventName.startsWith('Get'),
    ...more,
  });

describe('management events', () => {
  it('has the CloudTrail shape, with secrets hidden', async () => {
    await record(caller('ann'), 'CreateTable', {
      requestParameters: { name: 't', password: 'planted-1', nested: [{ secretAccessKey: 'planted-2' }] },
      resources: [{ type: 'AWS::Glue::Table', name: 'arn:aws:glue:us-east-1:000000000000:table/db/t' }],
      errorCode: 'AccessDenied',
      errorMessage: 'no',
    });
    const [event] = (await trail.lookupEvents(caller('root'), {})).events;
    expect(JSON.parse(event!.body)).toMatchObject({
      eventVersion: '1.11',
      userIdentity: {
        type: 'IAMUser',
        principalId: 'AIDAANN',
        arn: 'arn:aws:iam::000000000000:user/ann',
        accountId: '000000000000',
        accessKeyId: 'AKIAANN',
        userName: 'ann',
      },
      eventTime: '2026-03-01T12:00:00Z',
      eventSource: 'glue.amazonaws.com',
      eventName: 'CreateTable',
      awsRegion: 'us-east-1',
      sourceIPAddress: '10.1.2.3',
      userAgent: 'aws-cli/2',
      errorCode: 'AccessDenied',
      errorMessage: 'no',
      responseElements: null,
      requestID: 'request-ann',
      eventID: event!.eventId,
      readOnly: false,
      eventType: 'AwsApiCall',
      managementEvent: true,
      recipientAccountId: '000000000000',
      eventCategory: 'Management',
    });
    expect(event!.body).not.toContain('planted');
  });

  it('finds events by each lookup attribute', async () => {
    await record(caller('ann'), 'GetTable');
    await record(caller('ann'), 'CreateTable', { resources: [{ type: 'AWS::Glue::Table', name: 'orders' }] });
    await record(caller('bob'), 'DeleteTable');
    const found: [string, string, number][] = [
      ['EventName', 'GetTable', 1],
      ['ReadOnly', 'false', 2],
      ['Username', 'bob', 1],
      ['AccessKeyId', 'AKIAANN', 2],
      ['EventSource', 'glue.amazonaws.com', 3],
      ['ResourceName', 'orders', 1],
      ['ResourceType', 'AWS::Glue::Table', 1],
      ['ResourceName', 'nothing', 0],
    ];
    for (const [key, value, count] of found) {
      const { events } = await trail.lookupEvents(caller('root'), { attributes: [{ key, value }] });
      expect(events, `${key} = ${value}`).toHaveLength(count);
    }
  });

  it('finds one event by its id', async () => {
    await record(caller('ann'), 'GetTable');
    await record(caller('ann'), 'GetTable');
    const { events } = await trail.lookupEvents(caller('root'), {});
    const wanted = events[1]!.eventId;
    const found = await trail.lookupEvents(caller('root'), { attributes: [{ key: 'EventId', value: wanted }] });
    expect(found.events.map((event) => event.eventId)).toEqual([wanted]);
  });

  it('pages newest first, 50 at most, without gaps or repeats', async () => {
    await Promise.all(Array.from({ length: 120 }, (_, i) => record(caller('ann'), `Call${i}`)));
    const sequences: number[] = [];
    let nextToken: string | undefined;
    do {
      const page = await trail.lookupEvents(caller('root'), nextToken === undefined ? {} : { nextToken });
      expect(page.events.length).toBeLessThanOrEqual(50);
      sequences.push(...page.events.map((event) => event.sequence));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(sequences).toEqual(Array.from({ length: 120 }, (_, i) => 120 - i));
  });

  it('refuses an unknown attribute, a foreign token, a range turned round and a page of 51', async () => {
    const root = caller('root');
    await expect(trail.lookupEvents(root, { attributes: [{ key: 'UserName', value: 'x' }] })).rejects.toThrow(
      /Did you mean Username\?/,
    );
    await expect(trail.lookupEvents(root, { nextToken: 'bm8' })).rejects.toThrow(/NextToken/);
    await expect(trail.lookupEvents(root, { start: 10, end: 5 })).rejects.toThrow(/ends before it begins/);
    await expect(trail.lookupEvents(root, { max: 51 })).rejects.toThrow(/1 to 50/);
  });

  it('asks the policy before it shows anything', async () => {
    await expect(trail.lookupEvents(caller('ann'), {})).rejects.toMatchObject({ code: 'access_denied' });
  });

  it('is there again after the store was opened anew', async () => {
    await record(caller('ann'), 'CreateTable');
    await store.close();
    store = await openSqliteStore({ file: join(folder, 'store.db'), modules });
    const again = openAudit({ store, clock }).trail(async () => {});
    expect((await again.lookupEvents(caller('root'), {})).events).toHaveLength(1);
  });

  it('leaves out parameters above 100 KB, saying so', async () => {
    await record(caller('ann'), 'CreateTable', { requestParameters: { text: 'x'.repeat(200_000) } });
    const [event] = (await trail.lookupEvents(caller('root'), {})).events;
    expect(JSON.parse(event!.body).requestParameters).toMatchObject({ omitted: true, originalSize: 200_011 });
  });
});

describe('data events', () => {
  const read = (resource: string, columns: string[]) => ({
    eventSource: 'athena.amazonaws.com',
    eventName: 'Select',
    resource,
    columns,
    appliedGrants: ['g1'],
    queryId: 'q1',
    rows: 3,
    bytes: 2 ** 40,
  });

  it('answers who read a column, and is exported in order', async () => {
    await part.audit.recordData(caller('ann'), [read('sales.orders', ['id', 'tax_no']), read('sales.items', ['id'])]);
    await part.audit.recordData(caller('bob'), [read('sales.orders', ['id', 'taxXno'])]);
    const { events } = await trail.listDataEvents(caller('root'), { column: 'tax_no' });
    expect(events).toMatchObject([
      { username: 'ann', resource: 'sales.orders', columns: ['id', 'tax_no'], rows: 3, bytes: 2 ** 40, queryId: 'q1' },
    ]);
    const exported = await trail.exportDataEvents(1, 10);
    expect(exported.map((event) => [event.sequence, event.username])).toEqual([
      [2, 'ann'],
      [3, 'bob'],
    ]);
  });

  it('explains a request to whoever made it, and to auditors', async () => {
    await record(caller('ann', 'r1'), 'StartQueryExecution');
    await part.audit.recordData(caller('ann', 'r1'), [read('sales.orders', ['id'])]);
    const own = await trail.explain(caller('ann'), 'r1');
    expect(own.management.map((event) => event.eventName)).toEqual(['StartQueryExecution']);
    expect(own.data.map((event) => event.resource)).toEqual(['sales.orders']);
    expect(await trail.explain(caller('root'), 'r1')).toEqual(own);
    await expect(trail.explain(caller('bob'), 'r1')).rejects.toMatchObject({ code: 'access_denied' });
    await expect(trail.explain(caller('bob'), 'unknown')).rejects.toMatchObject({ code: 'access_denied' });
    await expect(trail.explain(caller('root'), 'unknown')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the record as a whole', () => {
  it('groups the events of many requests in few commits', async () => {
    let appends = 0;
    const counting = new Proxy(store, {
      get: (target, name: keyof MetadataStore) => {
        if (name !== 'write') return target[name];
        return (...args: Parameters<MetadataStore['write']>) => {
          appends += 1;
          return target.write(...args);
        };
      },
    });
    const busy = openAudit({ store: counting, clock });
    await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        busy.audit.recordData(caller('ann', `r${i}`), [
          { eventSource: 's3.amazonaws.com', eventName: 'GetObject', resource: `o${i}` },
        ]),
      ),
    );
    await busy.close();
    expect(appends).toBeLessThanOrEqual(3);
    expect(await trail.exportDataEvents(0, 1_000)).toHaveLength(500);
  });

  it('drops what is older than 90 days and still verifies', async () => {
    await record(caller('ann'), 'Old');
    clock.advance(91 * DAY);
    await record(caller('ann'), 'New');
    expect((await trail.lookupEvents(caller('root'), {})).events.map((event) => event.eventName)).toEqual(['New']);
    expect(await part.trim()).toBe(1);
    expect(await trail.verify()).toMatchObject({ management: { events: 1 } });
    expect((await trail.verify()).management.brokenAt).toBeUndefined();
  });

  it.each([
    ["UPDATE audit_management SET body = replace(body, 'Call2', 'Call9') WHERE sequence = 2", 2],
    ['DELETE FROM audit_management WHERE sequence = 3', 4],
    ['DELETE FROM audit_management WHERE sequence = 5', 5],
  ])('names the first event that does not follow: %s', async (tampering, brokenAt) => {
    for (let i = 1; i <= 5; i++) await record(caller('ann'), `Call${i}`);
    expect((await trail.verify()).management.brokenAt).toBeUndefined();
    await store.close();
    const db = new DatabaseSync(join(folder, 'store.db'));
    db.exec(tampering);
    db.close();
    store = await openSqliteStore({ file: join(folder, 'store.db'), modules });
    const report = await openAudit({ store, clock })
      .trail(async () => {})
      .verify();
    expect(report.management.brokenAt).toBe(brokenAt);
  });

  it('fails a request whose record cannot be written', async () => {
    await store.close();
    await expect(record(caller('ann'), 'CreateTable')).rejects.toMatchObject({ code: 'unavailable' });
    store = await openSqliteStore({ file: join(folder, 'store.db'), modules });
  });
});

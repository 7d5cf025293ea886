import { describe, expect, it } from 'vitest';
import { expiryUpdates } from './expire-snapshots.ts';
import { formatTableMetadata, parseTableMetadata } from './metadata-file.ts';
import { newTableMetadata, withSnapshot } from './table-metadata.ts';
import { applyTableUpdates, assertTableRequirements } from './table-updates.ts';

const fields = [{ id: 1, name: 'id', required: false, type: 'long' }];
const schema = { type: 'struct', 'schema-id': 0, fields } as const;
const table = () => newTableMetadata({ location: 's3://lake/t/', schema, partition: [], properties: {}, now: 1_000 });
const text = (changes: object) => JSON.stringify({ ...table(), ...changes });
const read = (changes: object) => parseTableMetadata(text(changes), 's3://lake/t/metadata/1.metadata.json');
const failure = (work: () => unknown): { readonly code: string; readonly message: string } => {
  try {
    work();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return { code: 'none', message: '' };
};

describe('the metadata file', () => {
  it('keeps unknown fields and big numbers through a rewrite', () => {
    const given = text({}).replace('{', '{"new-feature":{"counter":12345678901234567890},');
    const again = formatTableMetadata(parseTableMetadata(given, 'x'));
    expect(again).toContain('"new-feature":{"counter":12345678901234567890}');
  });

  it('reads version 1 in the shape of version 2', () => {
    const first = parseTableMetadata(
      '{"format-version":1,"location":"s3://lake/t","last-updated-ms":5,"last-column-id":1,"schema":{"type":"struct","fields":[{"id":1,"name":"id","required":false,"type":"long"}]},"partition-spec":[{"source-id":1,"transform":"identity","name":"id"}],"properties":{},"current-snapshot-id":9007199254740993,"snapshots":[{"snapshot-id":9007199254740993,"timestamp-ms":5,"manifest-list":"s3://lake/t/m.avro"}]}',
      'x',
    );
    expect(first).toMatchObject({
      'current-schema-id': 0,
      'partition-specs': [{ 'spec-id': 0, fields: [{ 'field-id': 1000, 'source-id': 1 }] }],
      'current-snapshot-id': '9007199254740993',
      refs: { main: { 'snapshot-id': '9007199254740993', type: 'branch' } },
      snapshots: [{ 'sequence-number': 0, summary: {} }],
    });
    expect(failure(() => formatTableMetadata(first)).code).toBe('unsupported');
  });

  it('reads a plain version 3 table, and names what it cannot read of one', () => {
    expect(read({ 'format-version': 3, 'next-row-id': 7 })).toMatchObject({ 'format-version': 3, 'next-row-id': 7 });
    const withDefault = { ...schema, fields: [{ ...fields[0]!, 'initial-default': 5 }] };
    expect(read({ 'format-version': 3, schemas: [withDefault] }).schemas).toEqual([withDefault]);
    const keys = { 'format-version': 3, 'encryption-keys': [{ 'key-id': 'k' }] };
    expect(failure(() => read(keys)).message).toContain('encryption keys');
    const field = { 'field-id': 1000, name: 'both', 'source-ids': [1, 2], transform: 'bucket[4]' };
    const spec = { 'format-version': 3, 'partition-specs': [{ 'spec-id': 0, fields: [field] }] };
    expect(failure(() => read(spec))).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('`both`'),
    });
    expect(failure(() => read({ 'format-version': 4 }))).toMatchObject({ code: 'unsupported' });
  });

  it.each([
    ['no JSON', () => '{'],
    ['no object', () => '[]'],
    ['no parts', () => '{"format-version":2}'],
    ['no current schema', () => text({ 'current-schema-id': 7 })],
    ['no list of snapshots', () => text({ snapshots: 'none' })],
    ['no fields in a schema', () => text({ schemas: [{ 'schema-id': 0 }] })],
  ])('says which file is damaged when it has %s', (_, given) => {
    expect(failure(() => parseTableMetadata(given(), 's3://lake/bad.json'))).toMatchObject({
      code: 'data_corrupt',
      message: expect.stringContaining('s3://lake/bad.json'),
    });
  });
});

describe('updates', () => {
  const snapshot = (id: string, sequence: number, at = 1_000, parent?: string) => ({
    'snapshot-id': id,
    'sequence-number': sequence,
    'timestamp-ms': at,
    'manifest-list': `s3://lake/t/metadata/${id}.avro`,
    summary: { operation: 'append' },
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
  });
  const history = (...at: number[]) =>
    at.reduce(
      (base, time, i) => withSnapshot(base, snapshot(String(i + 1), i + 1, time, i === 0 ? undefined : String(i))),
      table(),
    );

  it('evolve partitions: an equal spec is found again, a new one gets the next ids', () => {
    const spec = { 'spec-id': 99, fields: [{ 'source-id': 1, name: 'b', transform: 'bucket[4]' }] };
    const once = applyTableUpdates(
      table(),
      [
        { action: 'add-spec', spec },
        { action: 'set-default-spec', 'spec-id': -1 },
      ],
      2_000,
    );
    expect(once).toMatchObject({ 'default-spec-id': 1, 'last-partition-id': 1000 });
    const back = applyTableUpdates(
      once,
      [
        { action: 'add-spec', spec: { 'spec-id': 5, fields: [] } },
        { action: 'set-default-spec', 'spec-id': -1 },
      ],
      2_000,
    );
    expect([back['default-spec-id'], back['partition-specs'].length]).toEqual([0, 2]);
  });

  it('refuse a snapshot that comes too late, twice or without files', () => {
    const base = history(1_000, 2_000);
    const add = (given: object) =>
      failure(() => applyTableUpdates(base, [{ action: 'add-snapshot', snapshot: given }], 3_000)).code;
    expect(add(snapshot('9', 2, 3_000, '1'))).toBe('commit_conflict');
    expect(add(snapshot('2', 3, 3_000, '2'))).toBe('invalid_argument');
    expect(add({ ...snapshot('9', 3, 3_000, '2'), 'manifest-list': undefined })).toBe('invalid_argument');
  });

  it('cut the history where a snapshot is taken out, so that no time finds a wrong one', () => {
    const base = history(1_000, 2_000, 3_000);
    const after = applyTableUpdates(base, [{ action: 'remove-snapshots', 'snapshot-ids': ['2'] }], 4_000);
    expect(after['snapshot-log'].map((entry) => entry['snapshot-id'])).toEqual(['3']);
    expect(
      failure(() => applyTableUpdates(base, [{ action: 'remove-snapshots', 'snapshot-ids': ['3'] }], 4_000)).code,
    ).toBe('invalid_argument');
  });

  it('keep what branches and tags ask for when snapshots expire', () => {
    const day = 24 * 3_600_000;
    const base = applyTableUpdates(
      history(0, day, 2 * day, 20 * day),
      [
        { action: 'set-snapshot-ref', 'ref-name': 'audit', type: 'tag', 'snapshot-id': '1' },
        { action: 'set-snapshot-ref', 'ref-name': 'old', type: 'tag', 'snapshot-id': '2', 'max-ref-age-ms': day },
        {
          action: 'set-snapshot-ref',
          'ref-name': 'work',
          type: 'branch',
          'snapshot-id': '3',
          'min-snapshots-to-keep': 1,
        },
      ],
      20 * day,
    );
    expect(expiryUpdates(base, {}, 20 * day)).toEqual([
      { action: 'remove-snapshot-ref', 'ref-name': 'old' },
      { action: 'remove-snapshots', 'snapshot-ids': ['2'] },
    ]);
    expect(
      applyTableUpdates(base, expiryUpdates(base, {}, 20 * day), 20 * day).snapshots.map((s) => s['snapshot-id']),
    ).toEqual(['1', '3', '4']);
  });

  it('hold requirements against the table as it is', () => {
    const base = history(1_000);
    const code = (requirement: { readonly type: string; readonly [member: string]: unknown }) =>
      failure(() => assertTableRequirements(base, [requirement])).code;
    expect(code({ type: 'assert-table-uuid', uuid: base['table-uuid'] })).toBe('none');
    expect(code({ type: 'assert-table-uuid', uuid: 'other' })).toBe('commit_conflict');
    expect(code({ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': '1' })).toBe('none');
    expect(code({ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': null })).toBe('commit_conflict');
    expect(code({ type: 'assert-ref-snapshot-id', ref: 'new', 'snapshot-id': null })).toBe('none');
    expect(code({ type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 2 })).toBe('commit_conflict');
    expect(code({ type: 'assert-create' })).toBe('commit_conflict');
    expect(code({ type: 'assert-mood' })).toBe('invalid_argument');
  });
});

/**
 * The compatibility of Avro schemas, case by case with its reason. Every case is put to avsc as well, another
 * implementation of schema resolution, except where the two read the specification apart (`own` says why).
 */
import avsc from 'avsc';
import { describe, expect, it } from 'vitest';
import { avroSchema } from './index.ts';

const record = (...fields: readonly object[]) => ({ type: 'record', name: 'R', fields });
const f = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more });
const one = (type: unknown) => record(f('a', type));
const enumOf = (...symbols: readonly string[]) => ({ type: 'enum', name: 'E', symbols });
const fixed = (size: number, name = 'F') => ({ type: 'fixed', name, size });
const array = (items: unknown) => ({ type: 'array', items });
const map = (values: unknown) => ({ type: 'map', values });
const inner = (...fields: readonly object[]) => ({ type: 'record', name: 'Inner', fields });
const list = (type: unknown) => ({
  type: 'record',
  name: 'L',
  fields: [f('v', type), f('next', ['null', 'L'], { default: null })],
});

interface Case {
  readonly old: unknown;
  readonly next: unknown;
  /** Whether the next reads what the old wrote, and the old what the next wrote. */
  readonly backward: boolean;
  readonly forward: boolean;
  readonly why: string;
  /** Not put to the other implementation, and why. */
  readonly own?: string;
}
const both = (old: unknown, next: unknown, backward: boolean, forward: boolean, why: string, own?: string): Case => ({
  old,
  next,
  backward,
  forward,
  why,
  ...(own === undefined ? {} : { own }),
});

const promotions: [string, string, boolean][] = [
  ['int', 'long', true],
  ['int', 'float', true],
  ['int', 'double', true],
  ['long', 'float', true],
  ['long', 'double', true],
  ['float', 'double', true],
  ['int', 'string', false],
  ['long', 'string', false],
  ['double', 'string', false],
  ['boolean', 'int', false],
  ['boolean', 'string', false],
  ['null', 'string', false],
  ['bytes', 'int', false],
  ['int', 'boolean', false],
  ['float', 'bytes', false],
];

const CASES: readonly Case[] = [
  ...promotions.map(([old, next, is]) =>
    both(one(old), one(next), is, false, `${old} ${is ? 'is widened to' : 'does not become'} ${next}, and never back`),
  ),
  both(one('string'), one('bytes'), true, true, 'texts and bytes are read as one another'),
  both(one('int'), one('int'), true, true, 'nothing changed'),
  both(
    one('int'),
    record(f('a', 'int'), f('b', 'int')),
    false,
    true,
    'a field without default was not written; one that is gone is passed over',
  ),
  both(
    one('int'),
    record(f('a', 'int'), f('b', 'int', { default: 1 })),
    true,
    true,
    'a default stands for what was not written',
  ),
  both(
    one('int'),
    record(f('a', 'int'), f('b', ['null', 'int'], { default: null })),
    true,
    true,
    'an optional field with a default',
  ),
  both(
    one('int'),
    record(f('a', 'int'), f('b', ['null', 'int'])),
    false,
    true,
    'an optional field without a default is still not there',
  ),
  both(record(f('a', 'int'), f('b', 'int')), one('int'), true, false, 'a field is dropped; the old reader misses it'),
  both(record(f('a', 'int'), f('b', 'int', { default: 7 })), one('int'), true, true, 'a dropped field had a default'),
  both(one('int'), record(f('b', 'int')), false, false, 'a renamed field is one dropped and one added'),
  both(
    one('int'),
    record(f('b', 'int', { aliases: ['a'] })),
    true,
    false,
    'an alias finds the old name; the old reader knows no alias',
  ),
  both(
    record(f('a', 'int'), f('b', 'int')),
    record(f('b', 'int'), f('a', 'int')),
    true,
    true,
    'the order of fields does not matter',
  ),
  both(one('int'), record(f('a', 'int', { default: 3 })), true, true, 'a default is added to a field'),
  both(
    record(f('a', 'int', { default: 3 })),
    one('int'),
    true,
    true,
    'a default is taken from a field that is always written',
  ),
  both(one('int'), record(f('a', 'int', { doc: 'x' })), true, true, 'words about a field mean nothing'),
  both(one('int'), { ...one('int'), name: 'S' }, false, false, 'records of other names are other records'),
  both(
    one('int'),
    { ...one('int'), name: 'S', aliases: ['R'] },
    true,
    false,
    'an alias of a record finds its old name',
  ),
  both(
    one('int'),
    { ...one('int'), namespace: 'x.y' },
    true,
    true,
    'names are compared by their last part',
    'avsc compares full names',
  ),
  both(one('int'), one(['null', 'int']), true, false, 'a value becomes optional; the old reader takes no null'),
  both(one(['null', 'int']), one('int'), false, true, 'an optional value becomes required'),
  both(one(['null', 'int']), one(['int', 'null']), true, true, 'the order of branches does not matter'),
  both(one(['null', 'int']), one(['null', 'int', 'string']), true, false, 'a branch is added'),
  both(one(['null', 'int', 'string']), one(['null', 'string']), false, true, 'a branch is taken away'),
  both(one(['null', 'int']), one(['null', 'long']), true, false, 'a branch is widened'),
  both(one(['int', 'string']), one(['long', 'bytes']), true, false, 'each branch is read by some branch'),
  both(one(['int']), one('int'), true, true, 'a union of one is its branch'),
  both(one(['int', 'boolean']), one('int'), false, true, 'not every branch can be read as a number'),
  both(one(['null', 'int']), one(['null', 'string']), false, false, 'another type for the same branch'),
  both(one('int'), one(['string', 'boolean']), false, false, 'no branch takes what was written'),
  both(
    one(enumOf('A', 'B')),
    one(enumOf('A', 'B', 'C')),
    true,
    false,
    'a symbol is added; the old reader does not know it',
  ),
  both(one(enumOf('A', 'B')), one(enumOf('A')), false, true, 'a symbol is taken away'),
  both(one(enumOf('A', 'B')), one(enumOf('B', 'A')), true, true, 'the order of symbols does not matter'),
  both(
    one(enumOf('A', 'B')),
    one({ ...enumOf('A'), default: 'A' }),
    true,
    true,
    'an enum’s own default stands for unknown symbols',
    'avsc knows no defaults of enums',
  ),
  both(
    one({ ...enumOf('A'), default: 'A' }),
    one(enumOf('A', 'Z')),
    true,
    true,
    'the old reader has a default for the new symbol',
    'avsc knows no defaults of enums',
  ),
  both(one(enumOf('A')), one({ ...enumOf('A'), name: 'G' }), false, false, 'enums of other names are other enums'),
  both(
    one(enumOf('A')),
    one({ ...enumOf('A'), name: 'G', aliases: ['E'] }),
    true,
    false,
    'an alias of an enum finds its old name',
  ),
  both(one(enumOf('A')), one('string'), false, false, 'a symbol is not a text'),
  both(one(enumOf('A')), one('int'), false, false, 'a symbol is not a number'),
  both(one(fixed(4)), one(fixed(4)), true, true, 'the same size and name'),
  both(one(fixed(4)), one(fixed(8)), false, false, 'another size'),
  both(one(fixed(4)), one(fixed(4, 'G')), false, false, 'another name'),
  both(one(fixed(4)), one('bytes'), false, false, 'a fixed is not bytes'),
  both(one(fixed(4)), one({ ...fixed(4, 'G'), aliases: ['F'] }), true, false, 'an alias of a fixed finds its old name'),
  both(one(array('int')), one(array('long')), true, false, 'items are widened'),
  both(one(array('int')), one(array('string')), false, false, 'items of another type'),
  both(one(array('int')), one('int'), false, false, 'a list is not one value'),
  both(one(array(['null', 'int'])), one(array('int')), false, true, 'items become required'),
  both(one(array(array('int'))), one(array(array('double'))), true, false, 'items within items are widened'),
  both(one(map('int')), one(map('long')), true, false, 'values of a map are widened'),
  both(one(map('int')), one(map('string')), false, false, 'values of another type'),
  both(one(map('int')), one(array('int')), false, false, 'a map is not a list'),
  both(one(map('int')), one(inner(f('x', 'int'))), false, false, 'a map is not a record'),
  both(
    one(inner(f('x', 'int'))),
    one(inner(f('x', 'int'), f('y', 'int', { default: 0 }))),
    true,
    true,
    'a field with a default within a record',
  ),
  both(
    one(inner(f('x', 'int'))),
    one(inner(f('x', 'int'), f('y', 'int'))),
    false,
    true,
    'a field without default within a record',
  ),
  both(
    one(array(inner(f('x', 'int')))),
    one(array(inner(f('x', 'long')))),
    true,
    false,
    'a field is widened within a list',
  ),
  both(
    one(map(inner(f('x', 'int'), f('y', 'int')))),
    one(map(inner(f('x', 'int')))),
    true,
    false,
    'a field is dropped within a map',
  ),
  both(
    one(['null', inner(f('x', 'int'))]),
    one(['null', inner(f('x', 'int'), f('z', 'string', { default: '' }))]),
    true,
    true,
    'a record within a union grows by a default',
  ),
  both(
    one(['null', inner(f('x', 'int'))]),
    one(['null', inner(f('x', 'string'))]),
    false,
    false,
    'a record within a union changes a type',
  ),
  both(list('int'), list('long'), true, false, 'a recursive record is widened'),
  both(list('int'), list('string'), false, false, 'a recursive record changes a type'),
  both(list('int'), list('int'), true, true, 'a recursive record stays'),
  both(one({ type: 'int', logicalType: 'date' }), one('int'), true, true, 'a logical type is an annotation'),
  both(
    one({ type: 'long', logicalType: 'timestamp-millis' }),
    one({ type: 'long', logicalType: 'timestamp-micros' }),
    true,
    true,
    'resolution looks at the type below the annotation',
  ),
  both('int', 'long', true, false, 'schemas of one primitive'),
  both('string', one('string'), false, false, 'a text is not a record'),
  both(one('string'), array(one('string')), false, false, 'a record is not a list of it'),
  both([inner(f('x', 'int')), 'null'], inner(f('x', 'int')), false, true, 'a union at the top loses null'),
  both(
    record(f('a', 'int'), f('b', 'string')),
    record(f('b', 'string'), f('c', 'int', { default: 0, aliases: ['a'] })),
    true,
    false,
    'a renamed field keeps its values by its alias',
  ),
];

describe('Avro schemas', () => {
  it.each(CASES.map((one, i) => [i + 1, one.why, one] as const))('%i: %s', (_, __, one) => {
    const old = avroSchema(JSON.stringify(one.old));
    const next = avroSchema(JSON.stringify(one.next));
    expect([next.problems(old), old.problems(next)].map((problems) => problems.length === 0)).toEqual([
      one.backward,
      one.forward,
    ]);
    if (one.own !== undefined) return;
    const types = [one.old, one.next].map((schema) => avsc.Type.forSchema(schema as avsc.Schema));
    const reads = (reader: avsc.Type, writer: avsc.Type) => {
      try {
        reader.createResolver(writer);
        return true;
      } catch {
        return false;
      }
    };
    expect([reads(types[1]!, types[0]!), reads(types[0]!, types[1]!)]).toEqual([one.backward, one.forward]);
  });

  it('are at least 60 cases', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(60);
  });

  it('name the place of what is wrong', () => {
    const problems = avroSchema(JSON.stringify(one(inner(f('x', 'int'), f('y', 'int'))))).problems(
      avroSchema(JSON.stringify(one(inner(f('x', 'string'))))),
    );
    expect(problems).toEqual([
      '`a.x` was written as string and is read as int',
      '`a.y` was not written and has no default',
    ]);
  });

  it.each([
    ['{', 'not JSON'],
    ['{"type":"record","name":"R"}', '`R` has no `fields`'],
    ['{"type":"record","name":"1R","fields":[]}', '1R'],
    [JSON.stringify(record(f('a', 'unknown'))), '`unknown`'],
    [JSON.stringify(record(f('a', 'int'), f('a', 'int'))), 'two fields `a`'],
    [JSON.stringify(one(['int', 'int'])), 'two branches'],
    [JSON.stringify(one(['int', ['null']])), 'union within'],
    [JSON.stringify(one(enumOf('A', 'A'))), 'stands twice'],
    [JSON.stringify(one({ type: 'fixed', name: 'F' })), '`size`'],
    [JSON.stringify(record(f('a', 'int', { default: 'x' }))), 'not of its type'],
    [JSON.stringify(record(f('a', enumOf('A')), f('b', enumOf('B')))), 'a second time'],
    ['{"type":"array"}', '`items`'],
    ['7', 'neither a name'],
  ])('refuse %s', (definition, message) => {
    expect(() => avroSchema(definition)).toThrow(message);
  });

  it('give the columns of a table', () => {
    const definition = record(
      f('Id', 'long', { doc: 'key' }),
      f('price', { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 }),
      f('day', ['null', { type: 'int', logicalType: 'date' }]),
      f('at', { type: 'long', logicalType: 'timestamp-micros' }),
      f('tags', array('string')),
      f('more', map('double')),
      f('who', inner(f('first-name'.replace('-', '_'), 'string'), f('ok', 'boolean'))),
      f('kind', enumOf('A')),
      f('raw', fixed(3)),
      f('either', ['int', 'string']),
    );
    expect(avroSchema(JSON.stringify(definition)).columns()).toEqual([
      { name: 'id', type: 'bigint', comment: 'key' },
      { name: 'price', type: 'decimal(10,2)' },
      { name: 'day', type: 'date' },
      { name: 'at', type: 'timestamp' },
      { name: 'tags', type: 'array<string>' },
      { name: 'more', type: 'map<string,double>' },
      { name: 'who', type: 'struct<first_name:string,ok:boolean>' },
      { name: 'kind', type: 'string' },
      { name: 'raw', type: 'binary' },
      { name: 'either', type: 'uniontype<int,string>' },
    ]);
    expect(() => avroSchema('"int"').columns()).toThrow('schema of records');
    expect(() => avroSchema(JSON.stringify(list('int'))).columns()).toThrow('holds itself');
  });
});

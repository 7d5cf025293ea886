/** The compatibility of JSON Schemas, case by case with its reason. */
import { describe, expect, it } from 'vitest';
import { jsonSchema } from './index.ts';

type Schema = object | boolean;
/** Spelled apart: linters take an object with this member for a promise. */
const THEN = 'then';
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const closed = (properties: object, more: object = {}) => object(properties, { additionalProperties: false, ...more });
const string = { type: 'string' };
const integer = { type: 'integer' };
const number = { type: 'number' };

/** Old, next, whether the next takes all that the old took (backward), and the reverse (forward); why. */
const CASES: readonly (readonly [Schema, Schema, boolean, boolean, string])[] = [
  [string, string, true, true, 'nothing changed'],
  [integer, number, true, false, 'whole numbers are numbers'],
  [integer, string, false, false, 'a number is not a text'],
  [string, { type: ['string', 'null'] }, true, false, 'null is allowed too'],
  [{ type: ['string', 'integer'] }, string, false, true, 'a type is taken away'],
  [{ type: ['integer', 'null'] }, { type: ['number', 'null'] }, true, false, 'one of two types is widened'],
  [string, {}, true, false, 'anything is allowed now'],
  [true, string, false, true, 'anything was allowed'],
  [{}, true, true, true, 'two ways to allow anything'],
  [string, false, false, true, 'nothing is allowed any more'],
  [
    string,
    { ...string, title: 't', description: 'd', default: 'x', examples: ['y'] },
    true,
    true,
    'words allow and refuse nothing',
  ],
  [string, { ...string, format: 'email' }, true, true, 'a format is an annotation'],
  [string, { ...string, maxLength: 5 }, false, true, 'texts become shorter'],
  [{ ...string, maxLength: 5 }, { ...string, maxLength: 9 }, true, false, 'texts may be longer'],
  [{ ...string, minLength: 2 }, string, true, false, 'texts may be shorter'],
  [{ ...string, minLength: 2 }, { ...string, minLength: 3 }, false, true, 'texts must be longer'],
  [string, { ...string, pattern: '^a' }, false, true, 'a pattern is added'],
  [{ ...string, pattern: '^a' }, string, true, false, 'a pattern is taken away'],
  [
    { ...string, pattern: '^a' },
    { ...string, pattern: '^b' },
    false,
    false,
    'patterns are not compared: another one is another',
  ],
  [number, { ...number, minimum: 0 }, false, true, 'a minimum is added'],
  [{ ...number, minimum: 0 }, { ...number, minimum: -1 }, true, false, 'the minimum goes down'],
  [{ ...number, maximum: 9 }, { ...number, maximum: 10 }, true, false, 'the maximum goes up'],
  [{ ...number, maximum: 9 }, { ...number, exclusiveMaximum: 9 }, false, true, 'the maximum itself is shut out'],
  [{ ...number, exclusiveMinimum: 0 }, { ...number, minimum: 0 }, true, false, 'the minimum itself is let in'],
  [
    { ...number, minimum: 0, exclusiveMinimum: true },
    { ...number, minimum: 0 },
    true,
    false,
    'draft 4 says it by a boolean',
  ],
  [
    { ...integer, multipleOf: 10 },
    { ...integer, multipleOf: 5 },
    true,
    false,
    'multiples of ten are multiples of five',
  ],
  [
    { ...integer, multipleOf: 10 },
    { ...integer, multipleOf: 4 },
    false,
    false,
    'multiples of ten are not all multiples of four',
  ],
  [integer, { ...number, multipleOf: 1 }, true, false, 'whole numbers are multiples of one'],
  [{ enum: ['a', 'b'] }, { enum: ['a', 'b', 'c'] }, true, false, 'a value is added'],
  [{ enum: ['a', 'b'] }, { enum: ['b'] }, false, true, 'a value is taken away'],
  [{ enum: ['a', 'b'] }, string, true, false, 'any text instead of two'],
  [string, { enum: ['a'] }, false, true, 'one text instead of any'],
  [{ const: 1 }, { enum: [1, 2] }, true, false, 'a constant is one of two values'],
  [{ const: 1 }, integer, true, false, 'a constant is of its type'],
  [{ const: 'x' }, integer, false, false, 'a text is not a number'],
  [{ type: 'boolean' }, { enum: [true, false] }, true, true, 'a boolean has two values and no more'],
  [{ enum: [1, 'a'] }, { type: ['integer', 'string'] }, true, false, 'values of two types'],
  [object({ a: string }), object({ a: string }, { required: ['a'] }), false, true, 'a property becomes required'],
  [object({ a: string }, { required: ['a'] }), object({ a: string }), true, false, 'a property becomes optional'],
  [object({ a: string }), object({}), true, false, 'an open object may hold what it no longer speaks of'],
  [object({}), object({ a: string }), false, true, 'an open object may hold the new name with another value'],
  [closed({}), closed({ a: string }), true, false, 'a closed object gets a new optional property'],
  [closed({}), closed({ a: string }, { required: ['a'] }), false, false, 'a closed object gets a required property'],
  [closed({ a: string }), closed({}), false, true, 'a closed object loses a property'],
  [closed({ a: string }), object({ a: string }), true, false, 'an object is opened'],
  [object({ a: string }), closed({ a: string }), false, true, 'an object is closed'],
  [
    object({}, { additionalProperties: integer }),
    object({}, { additionalProperties: number }),
    true,
    false,
    'other properties are widened',
  ],
  [
    object({}, { additionalProperties: integer }),
    object({ a: integer }, { additionalProperties: integer }),
    true,
    true,
    'a name is spoken of as the others are',
  ],
  [
    object({}, { additionalProperties: integer }),
    object({ a: string }, { additionalProperties: integer }),
    false,
    false,
    'a name is spoken of in another way than the others',
  ],
  [
    closed({ a: string }),
    closed({ a: string }, { patternProperties: { '^x': integer } }),
    true,
    false,
    'names of a pattern are let in',
  ],
  [
    closed({ xa: integer }),
    closed({}, { patternProperties: { '^x': integer } }),
    true,
    false,
    'a property is covered by a pattern',
  ],
  [
    object({}, { patternProperties: { '^x': integer } }),
    object({}, { patternProperties: { '^x': string } }),
    false,
    false,
    'a pattern changes its type',
  ],
  [object({ a: integer }), object({ a: number }), true, false, 'a property is widened'],
  [object({ a: integer }), object({ a: string }), false, false, 'a property changes its type'],
  [
    object({ a: closed({ b: integer }) }),
    object({ a: closed({ b: integer, c: string }) }),
    true,
    false,
    'an object within grows',
  ],
  [
    object({ a: object({ b: integer }) }),
    object({ a: object({ b: string }) }),
    false,
    false,
    'a property within changes its type',
  ],
  [object({}, { maxProperties: 2 }), object({}, { maxProperties: 3 }), true, false, 'more properties are allowed'],
  [object({}), object({}, { minProperties: 1 }), false, true, 'an empty object is refused'],
  [object({}), object({}, { propertyNames: { pattern: '^a' } }), false, true, 'names are bound'],
  [
    object({ a: string }),
    object({ a: string }, { dependentRequired: { a: ['b'] } }),
    false,
    true,
    'one property asks for another',
  ],
  [{ type: 'array', items: integer }, { type: 'array', items: number }, true, false, 'items are widened'],
  [{ type: 'array', items: integer }, { type: 'array', items: string }, false, false, 'items change their type'],
  [{ type: 'array', items: integer }, { type: 'array' }, true, false, 'items are free'],
  [{ type: 'array' }, { type: 'array', maxItems: 3 }, false, true, 'lists become shorter'],
  [{ type: 'array', minItems: 1 }, { type: 'array' }, true, false, 'lists may be empty'],
  [{ type: 'array' }, { type: 'array', uniqueItems: true }, false, true, 'items must differ'],
  [
    { type: 'array', maxItems: 1 },
    { type: 'array', maxItems: 1, uniqueItems: true },
    true,
    true,
    'one item differs from itself',
  ],
  [
    { type: 'array', prefixItems: [integer, string] },
    { type: 'array', prefixItems: [number, string] },
    true,
    false,
    'an item by position is widened',
  ],
  [
    { type: 'array', items: [integer], additionalItems: false },
    { type: 'array', items: [integer, string], additionalItems: false },
    true,
    false,
    'a position is added to a closed list (draft 7)',
  ],
  [
    { type: 'array', prefixItems: [integer], items: false },
    { type: 'array', items: integer },
    true,
    false,
    'a list of one number is a list of numbers',
  ],
  [
    { type: 'array', items: string },
    { type: 'array', items: string, contains: { const: 'a' } },
    false,
    true,
    'a list must hold something',
  ],
  [
    { anyOf: [string, integer] },
    { anyOf: [string, integer, { type: 'null' }] },
    true,
    false,
    'an alternative is added',
  ],
  [{ anyOf: [string, integer] }, { anyOf: [string] }, false, true, 'an alternative is taken away'],
  [string, { anyOf: [integer, string] }, true, false, 'the schema becomes one of two'],
  [{ oneOf: [string, { type: 'null' }] }, { type: ['string', 'null'] }, true, true, 'two ways to say text or null'],
  [
    { oneOf: [closed({ a: string }), closed({ b: string })] },
    { oneOf: [closed({ a: string }), closed({ b: string }), closed({ c: string })] },
    true,
    false,
    'an alternative object is added',
  ],
  [{ allOf: [string, { maxLength: 5 }] }, { type: 'string', maxLength: 5 }, true, true, 'two conditions as one'],
  [{ allOf: [string] }, { allOf: [string, { minLength: 1 }] }, false, true, 'a condition is added'],
  [
    { allOf: [object({ a: string }), object({ b: integer }, { required: ['b'] })] },
    object({ b: integer }, { required: ['b'] }),
    true,
    false,
    'a condition is taken away',
  ],
  [string, { ...string, not: { const: '' } }, false, true, 'something is shut out'],
  [{ ...string, not: { const: '' } }, { ...string, not: { const: '' } }, true, true, 'the same is shut out'],
  [
    string,
    { ...string, if: { const: 'a' }, [THEN]: { minLength: 1 } },
    false,
    true,
    'a condition is not decided: it must be the same',
  ],
  [
    object({ a: { $ref: '#/definitions/t' } }, { definitions: { t: integer } }),
    object({ a: integer }),
    true,
    true,
    'a reference is what it leads to',
  ],
  [
    object({ a: { $ref: '#/$defs/t' } }, { $defs: { t: integer } }),
    object({ a: { $ref: '#/$defs/u' } }, { $defs: { u: number } }),
    true,
    false,
    'what a reference leads to is widened',
  ],
  [
    object({ next: { $ref: '#' }, v: integer }),
    object({ next: { $ref: '#' }, v: number }),
    true,
    false,
    'a recursive schema is widened',
  ],
  [
    object({ next: { $ref: '#' }, v: integer }),
    object({ next: { $ref: '#' }, v: string }),
    false,
    false,
    'a recursive schema changes a type',
  ],
  [
    object({ a: string }, { required: ['a'] }),
    object({ a: { type: ['string', 'null'] } }, { required: ['a'] }),
    true,
    false,
    'a required property may be null',
  ],
];

describe('JSON Schemas', () => {
  it.each(CASES.map((one, i) => [i + 1, one[4], one] as const))('%i: %s', (_, __, [old, next, backward, forward]) => {
    const before = jsonSchema(JSON.stringify(old));
    const after = jsonSchema(JSON.stringify(next));
    const answers = [after.problems(before), before.problems(after)];
    expect(answers.map((problems) => problems.length === 0)).toEqual([backward, forward]);
  });

  it('are at least 60 cases', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(60);
  });

  it('name the place of what is wrong', () => {
    const before = jsonSchema(JSON.stringify(object({ a: object({ b: { type: 'array', items: integer } }) })));
    const after = jsonSchema(JSON.stringify(object({ a: object({ b: { type: 'array', items: string } }) })));
    expect(after.problems(before)).toEqual(['`a.b[]` may be of type integer, which is not allowed any more']);
  });

  it.each([
    ['[', 'not JSON'],
    ['7', 'neither an object nor a boolean'],
    ['{"type":"text"}', '`text`'],
    ['{"properties":{"a":5}}', '`#/properties/a`'],
    ['{"required":"a"}', 'list of names'],
    ['{"enum":[]}', 'list of values'],
    ['{"minLength":-1}', 'from 0'],
    ['{"multipleOf":0}', 'above 0'],
    ['{"pattern":"("}', 'regular expression'],
    ['{"$ref":"#/definitions/none"}', 'leads nowhere'],
    ['{"$ref":"#"}', 'leads to itself'],
    ['{"$ref":"https://example.com/a.json"}', 'outside of itself'],
    ['{"anyOf":[]}', 'list of schemas'],
  ])('refuse %s', (definition, message) => {
    expect(() => jsonSchema(definition)).toThrow(message);
  });

  it('give the columns of a table', () => {
    const definition = object({
      Id: { type: 'integer', description: 'key' },
      price: number,
      ok: { type: ['boolean', 'null'] },
      at: { type: 'string', format: 'date-time' },
      tags: { type: 'array', items: string },
      who: object({ name: string, age: integer }),
      more: { type: 'object', additionalProperties: number },
      either: { anyOf: [integer, { type: 'null' }] },
      mixed: { type: ['string', 'integer'] },
    });
    expect(jsonSchema(JSON.stringify(definition)).columns()).toEqual([
      { name: 'id', type: 'bigint', comment: 'key' },
      { name: 'price', type: 'double' },
      { name: 'ok', type: 'boolean' },
      { name: 'at', type: 'timestamp' },
      { name: 'tags', type: 'array<string>' },
      { name: 'who', type: 'struct<name:string,age:bigint>' },
      { name: 'more', type: 'map<string,double>' },
      { name: 'either', type: 'bigint' },
      { name: 'mixed', type: 'string' },
    ]);
  });
});

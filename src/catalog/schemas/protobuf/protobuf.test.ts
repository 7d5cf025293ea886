/** The compatibility of Protobuf definitions, case by case with its reason. */
import { describe, expect, it } from 'vitest';
import { protobufSchema } from './index.ts';

const proto3 = (body: string) => `syntax = "proto3";\n${body}`;
const proto2 = (body: string) => `syntax = "proto2";\n${body}`;
const m = (fields: string) => proto3(`message M { ${fields} }`);
const m2 = (fields: string) => proto2(`message M { ${fields} }`);

type Case = readonly [string, string, boolean, boolean, string];
const scalars = (a: string, b: string, is: boolean, why: string): Case => [
  m(`${a} f = 1;`),
  m(`${b} f = 1;`),
  is,
  is,
  why,
];

/** Old, next, whether the next reads what the old wrote (backward), and the reverse (forward); why. */
const CASES: readonly Case[] = [
  scalars('int32', 'int32', true, 'nothing changed'),
  scalars('int32', 'int64', true, 'variable-length numbers are read as one another'),
  scalars('int32', 'uint32', true, 'variable-length numbers of either sign'),
  scalars('uint64', 'int64', true, 'variable-length numbers of either size'),
  scalars('bool', 'int32', true, 'a boolean is a variable-length number'),
  scalars('int32', 'sint32', false, 'zigzag is another encoding'),
  scalars('sint32', 'sint64', true, 'zigzag numbers are read as one another'),
  scalars('int64', 'sint64', false, 'zigzag is another encoding for long numbers too'),
  scalars('fixed32', 'sfixed32', true, 'four bytes of either sign'),
  scalars('fixed64', 'sfixed64', true, 'eight bytes of either sign'),
  scalars('fixed32', 'fixed64', false, 'four bytes are not eight'),
  scalars('int32', 'fixed32', false, 'a fixed width is another encoding'),
  scalars('float', 'double', false, 'four bytes are not eight, in numbers with a point too'),
  scalars('float', 'fixed32', false, 'four bytes that mean something else'),
  scalars('string', 'bytes', true, 'a text is bytes'),
  scalars('string', 'int32', false, 'a text is not a number'),
  scalars('bytes', 'double', false, 'bytes are not a number'),
  [m('int32 a = 1;'), m('int32 a = 1; string b = 2;'), true, true, 'a new number is absent or passed over'],
  [m('int32 a = 1; string b = 2;'), m('int32 a = 1;'), true, true, 'a number that is gone is passed over'],
  [m('int32 a = 1;'), m('int32 b = 1;'), true, true, 'names are not on the wire'],
  [m('int32 a = 1;'), m('int32 a = 2;'), true, true, 'another number is another field'],
  [m('int32 a = 1; string b = 2;'), m('string a = 1; int32 b = 2;'), false, false, 'numbers are exchanged'],
  [m('int32 a = 1;'), m('optional int32 a = 1;'), true, true, 'presence is not on the wire'],
  [m('int32 a = 1; string b = 2;'), m('string b = 2; int32 a = 1;'), true, true, 'the order does not matter'],
  [m('int32 a = 1;'), m('int32 a = 1 [deprecated = true];'), true, true, 'options mean nothing to the wire'],
  [m('int32 a = 1;'), m('int32 a = 1; reserved 2, 5 to 9; reserved "x";'), true, true, 'numbers are set aside'],
  [m('string a = 1;'), m('repeated string a = 1;'), true, true, 'one text is read as many, the last of many as one'],
  [m('int32 a = 1;'), m('repeated int32 a = 1;'), false, false, 'packed numbers do not read as one'],
  [m('repeated int32 a = 1;'), m('repeated int64 a = 1;'), true, true, 'packed numbers of either size'],
  [m('repeated int32 a = 1;'), m('repeated sint32 a = 1;'), false, false, 'packed zigzag is another encoding'],
  [m('repeated string a = 1;'), m('repeated bytes a = 1;'), true, true, 'many texts are many bytes'],
  [m('map<string, int32> a = 1;'), m('map<string, int64> a = 1;'), true, true, 'values of a map of either size'],
  [m('map<string, int32> a = 1;'), m('map<string, string> a = 1;'), false, false, 'values of a map of another kind'],
  [m('map<int32, string> a = 1;'), m('map<int64, string> a = 1;'), true, true, 'keys of a map of either size'],
  [m('map<int32, string> a = 1;'), m('map<string, string> a = 1;'), false, false, 'keys of a map of another kind'],
  [m('map<string, int32> a = 1;'), m('string a = 1;'), false, false, 'a map is not a text'],
  [
    proto3('message M { N n = 1; } message N { int32 x = 1; }'),
    proto3('message M { N n = 1; } message N { int64 x = 1; }'),
    true,
    true,
    'a message within is compared too',
  ],
  [
    proto3('message M { N n = 1; } message N { int32 x = 1; }'),
    proto3('message M { N n = 1; } message N { string x = 1; }'),
    false,
    false,
    'a message within changes a type',
  ],
  [
    m('N n = 1; message N { int32 x = 1; }'),
    m('N n = 1; message N { int32 x = 1; string y = 2; }'),
    true,
    true,
    'a nested message grows',
  ],
  [
    m('N n = 1; message N { int32 x = 1; }'),
    m('O n = 1; message O { int32 x = 1; }'),
    true,
    true,
    'a nested message of another name and the same fields',
  ],
  [
    m('N n = 1; message N { int32 x = 1; }'),
    m('O n = 1; message O { string x = 1; }'),
    false,
    false,
    'a nested message of another name and other fields',
  ],
  [m('N n = 1; message N { int32 x = 1; }'), m('string n = 1;'), false, false, 'a message is not a text'],
  [m('N n = 1; message N {}'), m('repeated N n = 1; message N {}'), true, true, 'one message is read as many'],
  [
    m('repeated N n = 1; message N { int32 x = 1; }'),
    m('repeated N n = 1; message N { double x = 1; }'),
    false,
    false,
    'a repeated message changes a type',
  ],
  [
    m('E e = 1; enum E { A = 0; }'),
    m('E e = 1; enum E { A = 0; B = 1; }'),
    true,
    true,
    'an unknown value is kept as its number',
  ],
  [m('E e = 1; enum E { A = 0; B = 1; }'), m('E e = 1; enum E { A = 0; }'), true, true, 'a value is taken away'],
  [m('E e = 1; enum E { A = 0; }'), m('E e = 1; enum E { Z = 0; }'), true, true, 'a value is renamed'],
  [m('E e = 1; enum E { A = 0; }'), m('int32 e = 1;'), true, true, 'an enum is a variable-length number'],
  [m('E e = 1; enum E { A = 0; }'), m('string e = 1;'), false, false, 'an enum is not a text'],
  [m('E e = 1; enum E { A = 0; }'), m('N e = 1; message N {}'), false, false, 'an enum is not a message'],
  [
    proto3('message M { int32 a = 1; }'),
    proto3('message M { int32 a = 1; } message N { int32 b = 1; }'),
    true,
    false,
    'a message is added; the old reader does not know it',
  ],
  [
    proto3('message M { int32 a = 1; } message N { int32 b = 1; }'),
    proto3('message M { int32 a = 1; }'),
    false,
    true,
    'a message is taken away',
  ],
  [m('int32 a = 1;'), proto3('package p.q; message M { int32 a = 1; }'), true, true, 'the package is not on the wire'],
  [
    m('int32 a = 1;'),
    proto3('import "x.proto"; option java_package = "a.b"; message M { int32 a = 1; }'),
    true,
    true,
    'imports and options mean nothing',
  ],
  [
    m('int32 a = 1;'),
    proto3('message M { int32 a = 1; } service S { rpc Do (M) returns (stream M) { option x = 1; } }'),
    true,
    true,
    'services mean nothing',
  ],
  [
    m('int32 a = 1;'),
    m('int32 a = 1; oneof o { string b = 2; string c = 3; }'),
    true,
    false,
    'a choice is added; the old reader cannot tell its alternatives',
  ],
  [
    m('oneof o { string b = 2; string c = 3; }'),
    m('oneof o { string b = 2; string c = 3; string d = 4; }'),
    true,
    false,
    'an alternative is added',
  ],
  [
    m('oneof o { string b = 2; string c = 3; }'),
    m('oneof o { string b = 2; }'),
    false,
    true,
    'an alternative is taken away',
  ],
  [m('string b = 2;'), m('oneof o { string b = 2; }'), true, true, 'one field alone becomes a choice of one'],
  [
    m('string b = 2; string c = 3;'),
    m('oneof o { string b = 2; string c = 3; }'),
    false,
    true,
    'two fields exclude each other now',
  ],
  [
    m('oneof o { string b = 2; string c = 3; }'),
    m('string b = 2; string c = 3;'),
    true,
    false,
    'a choice is dissolved; the old reader keeps one of two',
  ],
  [
    m('oneof o { string b = 2; int32 c = 3; }'),
    m('oneof o { string b = 2; string c = 3; }'),
    false,
    false,
    'an alternative changes its type',
  ],
  [
    m2('optional int32 a = 1;'),
    m2('optional int32 a = 1; required int32 b = 2;'),
    false,
    true,
    'a required field was not written',
  ],
  [m2('required int32 a = 1;'), m2('optional int32 a = 1;'), true, false, 'the old reader requires what may be absent'],
  [m2('optional int32 a = 1;'), m2('required int32 a = 1;'), false, true, 'a field becomes required'],
  [m2('required int32 a = 1;'), m2('required int64 a = 1;'), true, true, 'a required field stays required'],
  [
    m2('optional int32 a = 1 [default = 5];'),
    m2('optional int32 a = 1 [default = 6];'),
    true,
    true,
    'a default is the reader’s own',
  ],
  [
    m2('optional int32 a = 1; extensions 100 to max;'),
    m2('optional int32 a = 1;'),
    true,
    true,
    'extensions mean nothing',
  ],
  [proto2('message M { optional int32 a = 1; }'), m('int32 a = 1;'), true, true, 'the syntax is not on the wire'],
  [m('M next = 1; int32 v = 2;'), m('M next = 1; int64 v = 2;'), true, true, 'a recursive message of either size'],
  [m('M next = 1; int32 v = 2;'), m('M next = 1; string v = 2;'), false, false, 'a recursive message changes a type'],
  [
    proto3('import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp t = 1; }'),
    proto3('import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp t = 1; int32 a = 2; }'),
    true,
    true,
    'an imported type stays',
  ],
  [
    proto3('import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp t = 1; }'),
    proto3('import "google/protobuf/duration.proto"; message M { google.protobuf.Duration t = 1; }'),
    false,
    false,
    'an imported type is another',
  ],
];

describe('Protobuf definitions', () => {
  it.each(CASES.map((one, i) => [i + 1, one[4], one] as const))('%i: %s', (_, __, [old, next, backward, forward]) => {
    const before = protobufSchema(old);
    const after = protobufSchema(next);
    const answers = [after.problems(before), before.problems(after)];
    expect(answers.map((problems) => problems.length === 0)).toEqual([backward, forward]);
  });

  it('are at least 60 cases', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(60);
  });

  it('are the same whatever their comments and layout', () => {
    const spread = '// head\nsyntax="proto3" ;/* a\nb */ message M{int32 a=1;}';
    expect(protobufSchema(spread).canonical).toBe(protobufSchema(m('int32 a = 1;')).canonical);
    expect(protobufSchema(m('int32 b = 1;')).canonical).not.toBe(protobufSchema(m('int32 a = 1;')).canonical);
  });

  it.each([
    ['message M { int32 a = 1 }', '`;` was expected'],
    ['syntax = "proto4"; message M {}', '`proto4`'],
    [m('int32 a = 0;'), 'number 0'],
    [m('int32 a = 19500;'), '19500'],
    [m('int32 a = 1; int32 b = 1;'), 'number 1 twice'],
    [m('int32 a = 1; int32 a = 2;'), '`a` is defined twice'],
    [m('Nothing a = 1;'), '`Nothing`'],
    [m('required int32 a = 1;'), 'proto3 does not have'],
    [m('E a = 1; enum E { A = 1; }'), 'must be 0'],
    [m('map<double, int32> a = 1;'), 'keys of `double`'],
    ['message M { int32 a = 1;', 'not closed'],
    ['syntax = "proto3"; enum E { A = 0; }', 'no message'],
    ['message M { repeated group G = 1 {} }', 'groups'],
    ['message M { ~ }', 'not understood'],
  ])('refuse %s', (definition, message) => {
    expect(() => protobufSchema(definition)).toThrow(message);
  });

  it('give the columns of a table', () => {
    const definition = proto3(`
      import "google/protobuf/timestamp.proto";
      message Order {
        int64 Id = 1; double price = 2; repeated string tags = 3; map<string, int32> counts = 4;
        Who who = 5; Kind kind = 6; bytes raw = 7; uint64 big = 8; google.protobuf.Timestamp at = 9;
        message Who { string name = 1; bool ok = 2; }
        enum Kind { NONE = 0; }
      }
      message Other { int32 a = 1; }`);
    expect(protobufSchema(definition).columns()).toEqual([
      { name: 'id', type: 'bigint' },
      { name: 'price', type: 'double' },
      { name: 'tags', type: 'array<string>' },
      { name: 'counts', type: 'map<string,int>' },
      { name: 'who', type: 'struct<name:string,ok:boolean>' },
      { name: 'kind', type: 'string' },
      { name: 'raw', type: 'binary' },
      { name: 'big', type: 'decimal(20,0)' },
      { name: 'at', type: 'timestamp' },
    ]);
    expect(() => protobufSchema(m('M next = 1;')).columns()).toThrow('holds itself');
  });
});

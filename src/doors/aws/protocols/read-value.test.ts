import { JsonCodec } from '@aws-sdk/core/protocols';
import { CreateTableRequest$ } from '@aws-sdk/client-glue';
import { PutRecordInput$ } from '@aws-sdk/client-firehose';
import { NormalizedSchema } from '@smithy/core/schema';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LochError } from '../../../core/errors.ts';
import { readValue } from './read-value.ts';

const createTable = NormalizedSchema.of(CreateTableRequest$);
const putRecord = NormalizedSchema.of(PutRecordInput$);
const codec = new JsonCodec({ jsonName: false, timestampFormat: { useTrait: true, default: 7 } });

function faultOf(schema: NormalizedSchema, value: unknown): string {
  try {
    readValue(schema, value, { jsonNames: false });
  } catch (error) {
    if (error instanceof LochError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
}

it('reads what the SDK writes as the SDK reads it', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 10 });
  const table = fc.record(
    {
      Name: text,
      Retention: fc.integer(),
      LastAccessTime: fc.date({ noInvalidDate: true }),
      Parameters: fc.dictionary(text, text, { maxKeys: 4 }),
      PartitionKeys: fc.array(fc.record({ Name: text, Type: text }, { requiredKeys: ['Name'] }), { maxLength: 3 }),
      StorageDescriptor: fc.record({ Compressed: fc.boolean(), BucketColumns: fc.array(text) }, { requiredKeys: [] }),
    },
    { requiredKeys: ['Name'] },
  );
  await fc.assert(
    fc.asyncProperty(table, async (TableInput) => {
      const serializer = codec.createSerializer();
      serializer.write(createTable, { DatabaseName: 'd', TableInput });
      const wire = serializer.flush() as string;
      const bySdk = await codec.createDeserializer().read(createTable, wire);
      expect(readValue(createTable, JSON.parse(wire), { jsonNames: false })).toEqual(bySdk);
    }),
    { numRuns: 200 },
  );
});

it('gives back any bytes, and refuses what is no base64', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const Data = Buffer.from(bytes).toString('base64');
      const read = readValue(putRecord, { DeliveryStreamName: 's', Record: { Data } }, { jsonNames: false });
      expect(read).toEqual({ DeliveryStreamName: 's', Record: { Data: Buffer.from(bytes) } });
    }),
  );
  for (const Data of ['a', 'ab cd', 'abc!', '====', 'äbcd', 'YQ==YQ==', 7, {}]) {
    const fault = faultOf(putRecord, { DeliveryStreamName: 's', Record: { Data } });
    expect([Data, fault]).toEqual([Data, expect.stringContaining('`Record.Data` must be base64 text')]);
  }
});

it('names the member that is missing or of the wrong type, however deep', () => {
  const fault = (TableInput: unknown) => faultOf(createTable, { DatabaseName: 'd', TableInput });
  expect(fault({})).toBe('missing_argument: `TableInput.Name` is required and missing.');
  expect(fault([])).toContain('`TableInput` must be a structure, not a list');
  expect(fault({ Name: 't', PartitionKeys: [{ Name: 'a' }, { Name: 1 }] })).toContain(
    '`TableInput.PartitionKeys[1].Name`',
  );
  expect(fault({ Name: 't', Parameters: { a: 1 } })).toContain('`TableInput.Parameters.a` must be a string');
  expect(fault({ Name: 't', LastAccessTime: 'soon' })).toContain('must be a timestamp');
  expect(fault({ Name: 't', Retention: '7' })).toContain('must be a number, not a string');
});

it('passes over members it does not know, and over names of the prototype', () => {
  const value = JSON.parse(
    '{"DatabaseName": "d", "TableInput": {"Name": "t"}, "Colour": 1, "__proto__": {"CatalogId": "x"}}',
  );
  expect(readValue(createTable, value, { jsonNames: false })).toEqual({ DatabaseName: 'd', TableInput: { Name: 't' } });
});

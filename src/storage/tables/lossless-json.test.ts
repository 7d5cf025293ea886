import { describe, expect, it } from 'vitest';
import { parseLosslessJson, stringifyLosslessJson } from './lossless-json.ts';

describe('lossless JSON', () => {
  const text =
    '{"current-snapshot-id":9223372036854775807,"snapshots":[{"snapshot-id":9223372036854775806,"parent-snapshot-id":5,"summary":{"snapshot-id":"7"}}],"refs":{"main":{"snapshot-id":1,"type":"branch"}},"properties":{"snapshot-id":"12","big":"9223372036854775807"},"some-new-counter":12345678901234567890,"list":[9007199254740993,1.5,null],"snapshot-ids":[9223372036854775807,2]}';

  it('reads ids as text and writes them as numbers', () => {
    const value = parseLosslessJson(text) as Record<string, unknown>;
    expect(value['current-snapshot-id']).toBe('9223372036854775807');
    expect(value.snapshots).toMatchObject([{ 'snapshot-id': '9223372036854775806', 'parent-snapshot-id': '5' }]);
    expect(value['snapshot-ids']).toEqual(['9223372036854775807', '2']);
    expect(value.properties).toEqual({ 'snapshot-id': '12', big: '9223372036854775807' });
  });

  it('writes every letter as it was read, of unknown fields too', () => {
    expect(stringifyLosslessJson(parseLosslessJson(text))).toBe(text);
  });
});

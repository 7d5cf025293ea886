import { describe, expect, it } from 'vitest';
import type { DeliveryStreamSettings } from '../contract.ts';
import { checkSettings } from './check-settings.ts';
import { objectKey } from './object-name.ts';
import { formatTimePattern, zonedFields } from './time-pattern.ts';

const settings: DeliveryStreamSettings = {
  name: 'web-events',
  bucket: 'raw',
  prefix: 'web/',
  errorPrefix: '',
  bufferMiB: 5,
  bufferSeconds: 300,
  compression: 'UNCOMPRESSED',
  roleArn: 'arn:aws:iam::123456789012:role/firehose',
  appendNewline: false,
};
const at = Date.UTC(2025, 0, 5, 3, 4, 6, 78);
const key = (changes: Partial<DeliveryStreamSettings>, first = 7) =>
  objectKey({ id: 'one', version: 2, settings: { ...settings, ...changes } }, first, at);
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;

describe('names of delivered objects', () => {
  it('put the hour of arrival behind a plain prefix, then stream, version, time and a UUID', () => {
    expect(key({}).replace(uuid, 'UUID')).toBe('web/2025/01/05/03/web-events-2-2025-01-05-03-04-06-UUID');
    expect(key({ prefix: '' }).replace(uuid, 'UUID')).toBe('2025/01/05/03/web-events-2-2025-01-05-03-04-06-UUID');
  });

  it('are the same for the same stream and first record, and differ otherwise', () => {
    expect(key({})).toBe(key({}));
    expect(key({}, 8)).not.toBe(key({}));
    expect(objectKey({ id: 'two', version: 2, settings }, 7, at)).not.toBe(key({}));
  });

  it('evaluate time expressions instead of the default, all at one instant', () => {
    const prefix = "web/dt=!{timestamp:yyyy-MM-dd}/h=!{timestamp:HH}/!{timestamp:'day'D}/";
    expect(key({ prefix }).replace(uuid, 'UUID')).toBe(
      'web/dt=2025-01-05/h=03/day5/web-events-2-2025-01-05-03-04-06-UUID',
    );
  });

  it('use the zone of the stream, over its changes of clock', () => {
    const zone = { timeZone: 'America/New_York', prefix: '!{timestamp:yyyy/MM/dd/HH/}' };
    expect(key(zone)).toMatch(/^2025\/01\/04\/22\/web-events-2-2025-01-04-22-04-06-/);
    const oslo = (utc: number) => formatTimePattern('HH', zonedFields(utc, 'Europe/Oslo'));
    expect([0, 1, 2].map((hour) => oslo(Date.UTC(2025, 2, 30, hour)))).toEqual(['01', '03', '04']);
  });

  it('draw another random string at each place, the same at each repeat', () => {
    const prefix = '!{firehose:random-string}/!{firehose:random-string}/';
    const [first, second] = key({ prefix }).split('/');
    expect(first).toMatch(/^\w{11}$/);
    expect(second).not.toBe(first);
    expect(key({ prefix })).toBe(key({ prefix }));
  });

  it('carry the extension of the compression, or the one that is set', () => {
    expect(key({ compression: 'GZIP' })).toMatch(/[0-9a-f]\.gz$/);
    expect(key({ compression: 'ZSTD' })).toMatch(/[0-9a-f]\.zst$/);
    expect(key({ compression: 'GZIP', fileExtension: '.json.gz' })).toMatch(/[0-9a-f]\.json\.gz$/);
  });
});

describe('settings of a delivery stream', () => {
  it.each<[string, Partial<DeliveryStreamSettings>]>([
    ['DeliveryStreamName', { name: 'no spaces' }],
    ['BufferingHints.SizeInMBs', { bufferMiB: 129 }],
    ['BufferingHints.IntervalInSeconds', { bufferSeconds: 901 }],
    ['RoleARN', { roleArn: 'arn:aws:iam::123456789012:user/ada' }],
    ['FileExtension', { fileExtension: 'json' }],
    ['ErrorOutputPrefix', { prefix: '!{timestamp:yyyy}/' }],
    ['ErrorOutputPrefix', { errorPrefix: 'errors/!{timestamp:yyyy}/' }],
  ])('are refused by the name of the setting: %s', (setting, changes) => {
    expect(() => checkSettings({ ...settings, ...changes })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', context: { setting } }),
    );
  });

  it.each([
    ['!{timestamp:yyyy/ww}/', 'ww'],
    ['!{partitionKeyFromQuery:region}/', 'partitionKeyFromQuery'],
    ['!{firehose:error-output-type}/', 'error-output-type'],
    ['!{timestamp:yyyy', 'not closed'],
  ])('are refused for the prefix %s', (prefix, named) => {
    expect(() => checkSettings({ ...settings, prefix, errorPrefix: 'e/!{firehose:error-output-type}/' })).toThrow(
      named.includes('ww') ? '`w`' : named,
    );
  });

  it('are taken with 0 seconds and with prefixes of both kinds', () => {
    checkSettings({ ...settings, bufferSeconds: 0 });
    checkSettings({ ...settings, prefix: '!{timestamp:yyyy}/', errorPrefix: 'e/!{firehose:error-output-type}/' });
    expect(() => checkSettings({ ...settings, timeZone: 'Mars/Olympus' })).toThrow('Mars/Olympus');
  });
});

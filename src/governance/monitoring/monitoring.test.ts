import { afterEach, expect, it } from 'vitest';
import { createEventBus } from '../../core/events.ts';
import { type Monitoring, openMonitoring } from './index.ts';

let monitoring: Monitoring;
const open = () => {
  const events = createEventBus((error) => {
    throw error;
  });
  monitoring = openMonitoring({ events, processMetrics: false });
  return events;
};
const request = (operation: string, more: object = {}) => ({
  name: 'doorRequestFinished' as const,
  payload: { door: 'aws', operation, status: 200, ms: 20, requestId: 'r', principal: 'secret-person', ...more },
});
afterEach(() => monitoring.close());

it('counts requests by door, operation and status, with their latency', async () => {
  const events = open();
  events.publish(request('glue:GetTable'));
  events.publish(request('glue:GetTable'));
  events.publish(request('glue:GetTable', { status: 403, ms: 1500 }));
  const text = await monitoring.metricsText();
  expect(text).toContain('loch_requests_total{door="aws",operation="glue:GetTable",status="200"} 2');
  expect(text).toContain('loch_requests_total{door="aws",operation="glue:GetTable",status="403"} 1');
  expect(text).toContain('loch_request_duration_seconds_bucket{le="0.025",door="aws",operation="glue:GetTable"} 2');
  expect(text).not.toContain('secret-person');
});

it('counts refusals, objects, commits, queries and deliveries', async () => {
  const events = open();
  events.publish({
    name: 'governanceAccessDenied',
    payload: { principal: 'p', action: 's3:GetObject', resource: 'r' },
  });
  const object = { bucket: 'b', key: 'k', etag: 'e', versionId: 'v', operation: 'PutObject' };
  events.publish({ name: 'storageObjectCreated', payload: { ...object, size: 2 ** 33 } });
  const commit = { database: 'd', table: 't', snapshotId: '1', operation: 'append' };
  events.publish({ name: 'catalogTableCommitted', payload: { ...commit, addedRows: 7 } });
  events.publish({ name: 'consumptionQueryChanged', payload: { queryId: 'q', state: 'SUCCEEDED', principal: 'p' } });
  const flush = { stream: 's', bucket: 'b', key: 'k', records: 5, bytes: 50 };
  events.publish({ name: 'ingestionDeliveryFlushed', payload: flush });
  const text = await monitoring.metricsText();
  for (const line of [
    'loch_access_denied_total{service="s3"} 1',
    `loch_object_bytes_written_total ${2 ** 33}`,
    'loch_table_rows_added_total 7',
    'loch_queries_total{state="SUCCEEDED"} 1',
    'loch_delivery_records_total 5',
  ]) {
    expect(text).toContain(line);
  }
});

it('counts invented operations as other past a limit', async () => {
  const events = open();
  for (let i = 0; i < 2_000; i++) events.publish(request(`glue:Made${i}`));
  const text = await monitoring.metricsText();
  expect(text.split('\n').filter((line) => line.startsWith('loch_requests_total{')).length).toBe(501);
  expect(text).toContain('operation="other",status="200"} 1500');
});

it('counts nothing any more after it was closed', async () => {
  const events = open();
  await monitoring.close();
  events.publish(request('glue:GetTable'));
  expect(await monitoring.metricsText()).not.toContain('GetTable');
});
